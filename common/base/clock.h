// Time, behind an interface so that tests can move it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace lc {

using Clock = std::chrono::steady_clock;

/// Nanoseconds since 1970-01-01 UTC from the system clock.
std::int64_t wall_ns();

/// Nanoseconds from Clock.
std::int64_t steady_ns();

/// RFC 3339 in UTC with milliseconds: 2026-11-22T15:04:05.123Z.
std::string utc_text(std::int64_t ns_since_1970);

/// UTC for file names: 20261122T150405Z.
std::string utc_compact(std::int64_t ns_since_1970);

/// A monotonic clock that a test can replace. Any thread.
class TimeSource {
 public:
  virtual ~TimeSource() = default;
  [[nodiscard]] virtual Clock::time_point now() const { return Clock::now(); }
};

}  // namespace lc
