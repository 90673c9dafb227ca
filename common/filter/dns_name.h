// The names that a DNS message asks for.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace lc::filter {

/// Reads the questions of a query or a response (RFC 1035 section 4.1) in order. Any bytes are allowed.
class DnsQuestions {
 public:
  explicit DnsQuestions(std::span<const std::uint8_t> message);

  /// The next name, labels joined by dots, without one at the end; valid until the next call. None: no more, or what
  /// follows is malformed.
  std::optional<std::string_view> next();

 private:
  std::span<const std::uint8_t> message_;
  std::size_t at_ = 0;
  std::size_t left_ = 0;
  std::array<char, 256> name_{};
};

/// Whether the header (RFC 1035 section 4.1.1) is that of a query or a response with one question.
bool begins_dns_message(std::span<const std::uint8_t> message);

}  // namespace lc::filter
