#include "common/wire/figures_messages.h"

#include "common/wire/convert.h"

namespace lc::wire {

namespace pb = lippycat::management;

pb::ProcessorStats to_proto(const fleet::ProcessorStats& stats) {
  pb::ProcessorStats message;
  message.set_total_packets_received(stats.packets_received);
  message.set_bytes_received(stats.bytes_received);
  message.set_total_packets_forwarded(stats.packets_forwarded);
  message.set_packets_stored(stats.packets_stored);
  message.set_packets_live_only(stats.packets_live_only);
  message.set_packets_in_flight(stats.packets_in_flight);
  message.set_packets_duplicate(stats.packets_duplicate);
  message.mutable_dropped_by_reason()->insert(stats.dropped_by_reason.begin(), stats.dropped_by_reason.end());
  message.set_total_filters(stats.filters);
  message.set_cpu_percent(stats.cpu_percent);
  message.set_memory_rss_bytes(stats.memory_rss_bytes);
  message.set_started_ns(stats.started_ns);
  message.set_spool_bytes(stats.spool_bytes);
  message.set_spool_limit_bytes(stats.spool_limit_bytes);
  message.set_calls_active(stats.calls_active);
  message.set_calls_total(stats.calls_total);
  message.set_certificate_not_after_ns(stats.certificate_not_after_ns);
  return message;
}

fleet::ProcessorStats from_proto(const pb::ProcessorStats& message) {
  return {.packets_received = message.total_packets_received(),
          .bytes_received = message.bytes_received(),
          .packets_forwarded = message.total_packets_forwarded(),
          .packets_stored = message.packets_stored(),
          .packets_live_only = message.packets_live_only(),
          .packets_in_flight = message.packets_in_flight(),
          .packets_duplicate = message.packets_duplicate(),
          .dropped_by_reason = drop_reasons(message.dropped_by_reason()),
          .filters = message.total_filters(),
          .cpu_percent = message.cpu_percent(),
          .memory_rss_bytes = message.memory_rss_bytes(),
          .started_ns = message.started_ns(),
          .spool_bytes = message.spool_bytes(),
          .spool_limit_bytes = message.spool_limit_bytes(),
          .calls_active = message.calls_active(),
          .calls_total = message.calls_total(),
          .certificate_not_after_ns = message.certificate_not_after_ns()};
}

pb::HunterFigures to_proto(const fleet::HunterFigures& figures) {
  pb::HunterFigures message;
  message.set_hunter_id(figures.id);
  *message.mutable_stats() = to_proto(figures.stats);
  message.set_filter_revision(figures.filter_revision);
  message.set_filters_targeting(figures.filters_targeting);
  message.set_last_heartbeat_ns(figures.last_heartbeat_ns);
  message.set_clock_offset_ns(figures.clock_offset_ns);
  return message;
}

fleet::HunterFigures from_proto(const pb::HunterFigures& message) {
  return {.id = message.hunter_id(),
          .stats = from_proto(message.stats()),
          .filter_revision = message.filter_revision(),
          .filters_targeting = message.filters_targeting(),
          .last_heartbeat_ns = message.last_heartbeat_ns(),
          .clock_offset_ns = message.clock_offset_ns()};
}

pb::NodeFigures to_proto(const fleet::NodeFigures& figures) {
  pb::NodeFigures message;
  message.set_taken_ns(figures.taken_ns);
  *message.mutable_processor() = to_proto(figures.processor);
  message.mutable_hunters()->Reserve(static_cast<int>(figures.hunters.size()));
  std::size_t bytes = 0;
  for (const fleet::HunterFigures& hunter : figures.hunters) {
    pb::HunterFigures& added = *message.add_hunters();
    added = to_proto(hunter);
    const std::size_t size = added.ByteSizeLong();
    if (bytes + size > kMostFiguresBytes) {
      message.mutable_hunters()->RemoveLast();
    } else {
      bytes += size;
    }
  }
  return message;
}

fleet::NodeFigures from_proto(const pb::NodeFigures& message) {
  fleet::NodeFigures figures{
      .taken_ns = message.taken_ns(), .processor = from_proto(message.processor()), .hunters = {}};
  figures.hunters.reserve(static_cast<std::size_t>(message.hunters_size()));
  for (const pb::HunterFigures& hunter : message.hunters()) figures.hunters.push_back(from_proto(hunter));
  return figures;
}

pb::TopologyUpdate to_proto(const fleet::FiguresAt& figures, const Teller& teller) {
  pb::TopologyUpdate message;
  message.set_update_type(pb::TOPOLOGY_FIGURES);
  message.set_timestamp_ns(figures.figures.taken_ns);
  message.set_processor_id(figures.path.empty() ? teller.id : figures.path.back());
  message.mutable_path()->Add(figures.path.begin(), figures.path.end());
  *message.mutable_figures() = to_proto(figures.figures);
  return message;
}

std::optional<fleet::FiguresAt> figures_in(const pb::TopologyUpdate& message) {
  if (!message.has_figures()) return std::nullopt;
  return fleet::FiguresAt{.path = {message.path().begin(), message.path().end()},
                          .figures = from_proto(message.figures())};
}

}  // namespace lc::wire
