// What this process uses, for heartbeats and status.
#pragma once

#include <cstdint>

#include "common/base/clock.h"

namespace lc {

/// Resident memory in bytes (/proc/self/statm, proc(5)); 0 if unreadable.
std::uint64_t memory_rss_bytes();

/// The control group's limit in bytes (memory.max of cgroup v2); 0 = none.
std::uint64_t memory_limit_bytes();

/// CPU used between two calls, in percent of one core (getrusage(2)). One thread.
class CpuMeter {
 public:
  CpuMeter();
  float percent_since_last();

 private:
  std::int64_t used_us_;
  Clock::time_point at_;
};

}  // namespace lc
