#include "common/base/process_usage.h"

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace lc {
namespace {

std::int64_t cpu_us() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto us = [](const timeval& t) { return std::int64_t{t.tv_sec} * 1'000'000 + t.tv_usec; };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

}  // namespace

std::uint64_t memory_rss_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  if (!(statm >> total >> resident)) return 0;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t memory_limit_bytes() {
  std::ifstream cgroup("/proc/self/cgroup");
  std::string line;
  while (std::getline(cgroup, line)) {
    if (!line.starts_with("0::")) continue;
    std::ifstream limit("/sys/fs/cgroup" + line.substr(3) + "/memory.max");
    std::uint64_t bytes = 0;
    return limit >> bytes ? bytes : 0;  // "max" is not a number: no limit
  }
  return 0;
}

CpuMeter::CpuMeter() : used_us_(cpu_us()), at_(Clock::now()) {}

float CpuMeter::percent_since_last() {
  const std::int64_t used = cpu_us();
  const auto now = Clock::now();
  const auto wall = std::chrono::duration_cast<std::chrono::microseconds>(now - at_).count();
  const float percent = wall > 0 ? 100.0F * static_cast<float>(used - used_us_) / static_cast<float>(wall) : 0.0F;
  used_us_ = used;
  at_ = now;
  return percent;
}

}  // namespace lc
