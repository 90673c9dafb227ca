// The number that the paced source writes over the last bytes of each frame, so that the stored file shows which are
// missing.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>

namespace lc::bench {

inline constexpr std::uint64_t kNumberTag = 0x6c63'6265'6e63'6821;
inline constexpr std::size_t kNumberBytes = 2 * sizeof(std::uint64_t);

inline void put_number(std::uint8_t* frame, std::size_t size, std::uint64_t number) {
  std::memcpy(frame + size - kNumberBytes, &kNumberTag, sizeof kNumberTag);
  std::memcpy(frame + size - sizeof number, &number, sizeof number);
}

/// Nothing for a frame that the source did not send.
inline std::optional<std::uint64_t> number_of(const std::uint8_t* frame, std::size_t size) {
  std::uint64_t tag = 0;
  std::uint64_t number = 0;
  if (size < kNumberBytes) return std::nullopt;
  std::memcpy(&tag, frame + size - kNumberBytes, sizeof tag);
  std::memcpy(&number, frame + size - sizeof number, sizeof number);
  return tag == kNumberTag ? std::optional(number) : std::nullopt;
}

}  // namespace lc::bench
