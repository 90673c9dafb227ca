// --stats: one line every few seconds.
#pragma once

#include <string>

#include "common/base/clock.h"
#include "processord/engine/engine.h"

namespace lc::processor {

/// Remembers the last figures for rates. One thread.
class StatsLine {
 public:
  /// `hunters=2 received=1200 pps=240 stored=1150 live_only=0 in_flight=50 duplicates=0 dropped=0 queue_bytes=0
  /// status=HEALTHY`; each reason for drops follows as dropped_REASON=N where there are any, a fault as reason="...".
  /// With a parent also `forwarded=1100 forwarding=50 spool_bytes=0`: packets acknowledged by it, and on the way there.
  /// With a virtual interface also `vif_injected=1190 vif_dropped=10 vif_dropped_not_ip=10`.
  std::string next(const Engine& engine, Clock::time_point now);

 private:
  std::uint64_t received_before_ = 0;
  Clock::time_point at_ = Clock::now();
};

}  // namespace lc::processor
