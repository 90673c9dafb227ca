// Where a hunter's packets are: the equation that each heartbeat and each line of --stats keeps.
#pragma once

#include <string>

#include "common/capture/capture_pipeline.h"
#include "common/fleet/hunter.h"
#include "common/packet/send_queue.h"

namespace lc::capture {

/// captured + recovered = filtered + forwarded + in flight + dropped after capture (lippycat.management.HunterStats),
/// exactly. `usage` must have been taken before `totals`. With `durable` a packet counts as captured once it is on
/// disk. `given_up`: of those in flight, what is lost at the exit.
void fill_balance(fleet::HunterStats& stats, const packet::SendQueue::Usage& usage,
                  const CapturePipeline::Totals& totals, bool durable, std::uint64_t given_up = 0);

/// One line of key=value for --stats.
std::string stats_line(const fleet::HunterStats& stats, fleet::HunterStatus status, const std::string& reason);

}  // namespace lc::capture
