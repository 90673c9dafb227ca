// Now, by both clocks.
#pragma once

#include <cstdint>

#include "common/base/clock.h"

namespace lc::watch {

struct Moment {
  Clock::time_point steady = {};
  std::int64_t wall_ns = 0;  // since 1970

  static Moment now() { return {Clock::now(), lc::wall_ns()}; }
};

}  // namespace lc::watch
