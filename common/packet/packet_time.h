// Ages by the packets' own times, which files may claim to be anything.
#pragma once

#include <cstdint>

namespace lc::packet {

/// Whether more than `limit_ns` (not negative) lies between the two; not when time went back. Any values, any thread.
inline bool is_older(std::int64_t then_ns, std::int64_t now_ns, std::int64_t limit_ns) {
  if (now_ns <= then_ns) return false;
  return static_cast<std::uint64_t>(now_ns) - static_cast<std::uint64_t>(then_ns) >
         static_cast<std::uint64_t>(limit_ns);
}

}  // namespace lc::packet
