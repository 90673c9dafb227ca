// The names in a DNS message.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace lc::filter {

/// A domain name, labels joined by dots, without one at the end; empty for the root.
class DnsName {
 public:
  /// Reads the name at `at` of the message (RFC 1035 sections 3.1 and 4.1.4), and sets `at` behind it. False when it is
  /// malformed, too long, or made of more pointers than anybody sends. Any bytes are allowed.
  bool read(std::span<const std::uint8_t> message, std::size_t& at);
  [[nodiscard]] std::string_view text() const { return {name_.data(), size_}; }

 private:
  std::array<char, 256> name_{};
  std::size_t size_ = 0;
};

/// Reads the questions of a query or a response (RFC 1035 section 4.1) in order. Any bytes are allowed.
class DnsQuestions {
 public:
  explicit DnsQuestions(std::span<const std::uint8_t> message);

  /// The next name; valid until the next call. None: no more, or what follows is malformed.
  std::optional<std::string_view> next();
  /// Behind the question whose name next() gave, which ends with its type and class.
  [[nodiscard]] std::size_t position() const { return at_; }

 private:
  std::span<const std::uint8_t> message_;
  std::size_t at_ = 0;
  std::size_t left_ = 0;
  DnsName name_;
};

/// Whether the header (RFC 1035 section 4.1.1) is that of a query or a response with one question.
bool begins_dns_message(std::span<const std::uint8_t> message);

}  // namespace lc::filter
