#include "common/capture/balance.h"

#include <algorithm>
#include <sstream>

#include "common/base/clock.h"
#include "common/base/counters.h"
#include "common/base/text.h"

namespace lc::capture {

void fill_balance(fleet::HunterStats& stats, const packet::SendQueue::Usage& usage,
                  const CapturePipeline::Totals& totals, bool durable, std::uint64_t given_up) {
  // Packets of a batch that is being filled, or held back by the selector, are captured, but not in the queue yet.
  const std::uint64_t being_filled = totals.captured - usage.pushed_packets - totals.given_up - totals.filtered;
  const std::uint64_t not_durable = durable ? being_filled + usage.unwritten_packets : 0;
  stats.packets_captured = totals.captured - not_durable;
  stats.packets_filtered = totals.filtered;
  stats.packets_matched = stats.packets_captured - std::min(stats.packets_captured, totals.filtered + totals.held);
  stats.packets_forwarded = usage.acknowledged_packets;
  stats.packets_recovered = usage.recovered_packets;
  stats.packets_in_flight = usage.packets + being_filled - not_durable - given_up;
  const auto dropped = [&](DropReason reason, std::uint64_t packets) {
    stats.dropped_by_reason[std::string(name_of(reason))] = packets;
    stats.packets_dropped += packets;
  };
  stats.packets_dropped = 0;
  dropped(DropReason::kKernel, totals.kernel_dropped);
  dropped(DropReason::kInterface, totals.interface_dropped);
  dropped(DropReason::kQueue, given_up + totals.given_up);
  dropped(DropReason::kSpoolFull, usage.dropped_full);
  dropped(DropReason::kSpoolDamaged, usage.dropped_damaged);
  stats.buffer_bytes = usage.bytes;
  stats.spool_bytes = usage.spool_bytes;
  stats.spool_oldest_ns = usage.spool_oldest_ns;
}

std::string stats_line(const fleet::HunterStats& stats, fleet::HunterStatus status, const std::string& reason) {
  std::ostringstream line;
  line << "captured=" << stats.packets_captured << " recovered=" << stats.packets_recovered
       << " filtered=" << stats.packets_filtered << " forwarded=" << stats.packets_forwarded
       << " in_flight=" << stats.packets_in_flight << " dropped=" << stats.packets_dropped;
  for (const auto& [name, packets] : stats.dropped_by_reason) {
    if (packets > 0) line << " dropped_" << name << '=' << packets;
  }
  line << " buffer_bytes=" << stats.buffer_bytes << " spool_bytes=" << stats.spool_bytes;
  if (stats.spool_oldest_ns > 0) line << " spool_oldest=" << utc_text(stats.spool_oldest_ns);
  line << " status=" << name_of(status);
  if (!reason.empty()) line << " reason=" << quoted(reason);
  return line.str();
}

}  // namespace lc::capture
