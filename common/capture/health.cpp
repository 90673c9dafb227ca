#include "common/capture/health.h"

namespace lc::capture {

using fleet::HunterStatus;

Health::Verdict Health::judge(const Vitals& vitals) {
  const std::uint64_t received = vitals.received - received_before_;
  const std::uint64_t dropped = vitals.dropped - dropped_before_;
  received_before_ = vitals.received;
  dropped_before_ = vitals.dropped;

  if (vitals.stopping) return {HunterStatus::kStopping, "stopping"};
  if (!vitals.filter_error.empty()) return {HunterStatus::kError, vitals.filter_error};
  if (!vitals.spool_error.empty()) return {HunterStatus::kError, vitals.spool_error};
  if (vitals.no_source_captures) return {HunterStatus::kError, "no interface captures"};
  if (dropped * 10 > received) return {HunterStatus::kWarning, "more than 10 % of the packets dropped"};
  if (vitals.buffer_percent > 80) return {HunterStatus::kWarning, "buffer more than 80 % full"};
  if (vitals.some_source_down) return {HunterStatus::kWarning, "an interface is down"};
  return {HunterStatus::kHealthy, ""};
}

}  // namespace lc::capture
