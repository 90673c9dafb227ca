// How the processor and its hunters are doing, in numbers.
#include <string>
#include <utility>

#include "processord/engine/engine.h"

namespace lc::processor {

fleet::ProcessorStats Engine::processor_stats(const Statistics& statistics) const {
  fleet::ProcessorStats stats;
  stats.packets_received = statistics.received;
  stats.bytes_received = received_bytes_;
  stats.packets_stored = statistics.stored;
  stats.packets_live_only = statistics.live_only;
  stats.packets_in_flight = statistics.in_flight;
  stats.packets_duplicate = statistics.duplicates;
  for (std::size_t reason = 0; reason < kDropReasons; ++reason) {
    if (statistics.dropped[reason] == 0) continue;
    stats.dropped_by_reason[std::string(name_of(static_cast<DropReason>(reason)))] = statistics.dropped[reason];
  }
  stats.filters = static_cast<std::uint32_t>(filters_.board().size());
  stats.cpu_percent = cpu_percent_;
  stats.memory_rss_bytes = memory_rss_bytes();
  stats.started_ns = started_ns_;
  if (statistics.forward) {
    stats.packets_forwarded = statistics.forward->acknowledged;
    stats.spool_bytes = statistics.forward->spool_bytes;
    const spool::SpoolSettings& spool = settings_.forward->spool;
    if (spool.mode != spool::SpoolMode::kOff) stats.spool_limit_bytes = spool.max_bytes;
  }
  stats.calls_active = static_cast<std::uint32_t>(call_tracker_.counts().active());
  stats.calls_total = call_tracker_.counts().total();
  stats.certificate_not_after_ns = certificate_.not_after_ns();
  return stats;
}

fleet::NodeFigures Engine::figures() const {
  fleet::NodeFigures figures;
  figures.taken_ns = wall_ns();
  figures.processor = processor_stats(statistics());
  const FilterBoard::Targeting targeting = filters_.board().targeting();
  for (const auto& hunter : registry_.all()) {
    Hunter::View view = hunter->view();
    if (!view.connected) continue;
    const std::string& id = view.description.id;
    fleet::HunterFigures& own = figures.hunters.emplace_back();
    own.stats = std::move(view.stats);
    own.filter_revision = filters_.board().revision_for(id);
    own.filters_targeting = static_cast<std::uint32_t>(targeting.count_for(id));
    own.last_heartbeat_ns = view.last_heartbeat_ns;
    own.clock_offset_ns = view.clock_offset_ns;
    own.id = std::move(view.description.id);
  }
  return figures;
}

}  // namespace lc::processor
