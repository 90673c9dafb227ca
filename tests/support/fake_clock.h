// A clock that moves when the test says so.
#pragma once

#include <atomic>

#include "common/base/clock.h"

namespace lc::test {

class FakeClock final : public TimeSource {
 public:
  [[nodiscard]] Clock::time_point now() const override { return Clock::time_point(Clock::duration(ticks_.load())); }
  void advance(Clock::duration by) { ticks_ += by.count(); }

 private:
  // Not zero: a time that was never set would look like now.
  std::atomic<Clock::rep> ticks_{std::chrono::duration_cast<Clock::duration>(std::chrono::hours(24)).count()};
};

}  // namespace lc::test
