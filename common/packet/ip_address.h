// An IPv4 or IPv6 address as a value.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace lc::packet {

/// Ordered and compared by family, then bytes: an IPv4-mapped IPv6 address is not the IPv4 address.
class IpAddress {
 public:
  enum class Family : std::uint8_t { kNone = 0, kV4 = 4, kV6 = 6 };

  // Not defaulted: GCC then clears structures that hold addresses by `rep stos`, a third of decode()'s time.
  IpAddress() {}
  explicit IpAddress(std::span<const std::uint8_t, 4> bytes) : family_(Family::kV4) {
    std::copy(bytes.begin(), bytes.end(), bytes_.begin());
  }
  explicit IpAddress(std::span<const std::uint8_t, 16> bytes) : family_(Family::kV6) {
    std::copy(bytes.begin(), bytes.end(), bytes_.begin());
  }

  /// Dotted decimal with four parts, or any of RFC 4291's forms of IPv6; no zone, no prefix length. Gives
  /// kInvalidArgument for anything else. Any thread.
  static Result<IpAddress> parse(std::string_view text);

  /// Dotted decimal, or the form of RFC 5952; empty for kNone. Any thread.
  [[nodiscard]] std::string text() const;

  [[nodiscard]] Family family() const { return family_; }
  /// In network byte order: 4, 16 or no bytes.
  [[nodiscard]] std::span<const std::uint8_t> bytes() const {
    return {bytes_.data(), family_ == Family::kV4 ? std::size_t{4} : family_ == Family::kV6 ? bytes_.size() : 0};
  }

  auto operator<=>(const IpAddress&) const = default;
  // Tables of addresses compare with each packet: two words, and no call of memcmp().
  bool operator==(const IpAddress& other) const {
    std::uint64_t mine[2];
    std::uint64_t others[2];
    std::memcpy(mine, bytes_.data(), sizeof mine);
    std::memcpy(others, other.bytes_.data(), sizeof others);
    return family_ == other.family_ && mine[0] == others[0] && mine[1] == others[1];
  }

 private:
  Family family_ = Family::kNone;
  std::array<std::uint8_t, 16> bytes_{};  // unused ones stay zero: comparing takes them all
};

}  // namespace lc::packet
