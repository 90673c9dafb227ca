#include "lcwatch/batch/json.h"

#include <cmath>
#include <utility>

#include "common/base/clock.h"
#include "lcwatch/batch/filter_words.h"

namespace lc::watch {
namespace {

double rounded(double value) {
  if (!(std::abs(value) < 9e15)) return 0;  // no number, or more than there can be
  return static_cast<double>(static_cast<std::int64_t>(value * 1000 + (value < 0 ? -0.5 : 0.5))) / 1000;
}

Json figures_of(const ProcessorRecord& record) {
  const fleet::ProcessorStats& stats = record.stats;
  return {{"taken", time_of(record.taken_ns)},
          {"started", time_of(stats.started_ns)},
          {"cpu_percent", rounded(static_cast<double>(stats.cpu_percent))},
          {"memory_bytes", stats.memory_rss_bytes},
          {"packets_per_second", rounded(record.packets_per_s)},
          {"bits_per_second", rounded(record.bits_per_s)},
          {"packets_received", stats.packets_received},
          {"bytes_received", stats.bytes_received},
          {"packets_stored", stats.packets_stored},
          {"packets_live_only", stats.packets_live_only},
          {"packets_in_flight", stats.packets_in_flight},
          {"packets_forwarded", stats.packets_forwarded},
          {"packets_duplicate", stats.packets_duplicate},
          {"dropped", stats.dropped_by_reason},
          {"spool_bytes", stats.spool_bytes},
          {"spool_limit_bytes", stats.spool_limit_bytes},
          {"filters", stats.filters},
          {"calls_active", stats.calls_active},
          {"calls_total", stats.calls_total},
          {"certificate_not_after", time_of(stats.certificate_not_after_ns)}};
}

Json figures_of(const HunterRecord& record) {
  const fleet::HunterFigures& figures = record.figures;
  const fleet::HunterStats& stats = figures.stats;
  return {{"taken", time_of(record.taken_ns)},
          {"started", time_of(stats.started_ns)},
          {"cpu_percent", rounded(static_cast<double>(stats.cpu_percent))},
          {"memory_bytes", stats.memory_rss_bytes},
          {"packets_per_second", rounded(record.packets_per_s)},
          {"packets_captured", stats.packets_captured},
          {"packets_matched", stats.packets_matched},
          {"packets_filtered", stats.packets_filtered},
          {"packets_forwarded", stats.packets_forwarded},
          {"packets_in_flight", stats.packets_in_flight},
          {"packets_recovered", stats.packets_recovered},
          {"dropped", stats.dropped_by_reason},
          {"buffer_bytes", stats.buffer_bytes},
          {"spool_bytes", stats.spool_bytes},
          {"spool_limit_bytes", stats.spool_limit_bytes},
          {"filters_active", stats.active_filters},
          {"filters_targeting", figures.filters_targeting},
          {"filter_revision", stats.filter_revision},
          {"filter_revision_wanted", figures.filter_revision},
          {"last_heartbeat", time_of(figures.last_heartbeat_ns)},
          {"clock_offset_ms", rounded(static_cast<double>(figures.clock_offset_ns) / 1e6)},
          {"certificate_not_after", time_of(stats.certificate_not_after_ns)}};
}

Json leg_of(const fleet::CallLeg& leg) {
  return {{"call_id", leg.call_id},
          {"hunter", leg.hunter_id},
          {"source", leg.source},
          {"destination", leg.destination},
          {"method", leg.method},
          {"response_code", leg.response_code},
          {"state", leg.state},
          {"messages", leg.messages},
          {"start", time_of(leg.start_ns)},
          {"last", time_of(leg.last_ns)}};
}

Json stream_of(const fleet::CallStream& stream) {
  return {{"call_id", stream.call_id},
          {"hunter", stream.hunter_id},
          {"source", stream.source},
          {"destination", stream.destination},
          {"ssrc", stream.ssrc},
          {"payload_type", stream.payload_type},
          {"codec", stream.codec},
          {"clock_rate", stream.clock_rate},
          {"media", stream.media},
          {"packets", stream.packets},
          {"lost", stream.lost},
          {"reordered", stream.reordered},
          {"duplicates", stream.duplicates},
          {"jitter_ms", rounded(stream.jitter_ms)},
          {"max_jitter_ms", rounded(stream.max_jitter_ms)},
          {"mean_jitter_ms", rounded(stream.mean_jitter_ms)},
          {"mos", stream.mos > 0 ? Json(rounded(stream.mos)) : Json()},
          {"gaps_in_capture", stream.gaps_in_capture},
          {"first", time_of(stream.first_ns)},
          {"last", time_of(stream.last_ns)}};
}

std::string kind_of(const NodeRow& row) {
  if (row.hunter) return "hunter";
  return row.node->processor.type == fleet::NodeType::kTap ? "tap" : "processor";
}

Json place_of(const Model& model, const NodeRow& row) {
  return {{"kind", kind_of(row)},
          {"server", model.servers()[row.key.server]},
          {"path", fleet::path_text(row.key.path)},
          {"id", row.id()},
          {"state", name_of(row.state)}};
}

}  // namespace

// In ASCII: of what peers say, no control character of any kind gets to a terminal.
std::string text_of(const Json& json) {
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

Json time_of(std::int64_t ns) {
  return ns == 0 ? Json() : Json(utc_text(ns));
}

Json json_of(const Model& model, const NodeRow& row) {
  Json json = place_of(model, row);
  if (row.hunter) {
    const fleet::HunterDescription& description = row.hunter->description;
    json["hostname"] = description.hostname;
    json["address"] = row.hunter->remote_address;
    json["version"] = description.version;
    json["interfaces"] = description.interfaces;
    json["connected_since"] = time_of(row.hunter->connected_since_ns);
    const HunterRecord* record = model.figures().hunter(row.key);
    json["figures"] = record ? figures_of(*record) : Json();
    return json;
  }
  const fleet::Processor& processor = row.node->processor;
  json["reason"] = row.link.reachable ? processor.status_reason : row.link.reason;
  json["unreachable_since"] = time_of(row.link.reachable ? 0 : row.link.since_ns);
  json["address"] = processor.address;
  json["upstream"] = processor.upstream;
  json["version"] = processor.version;
  json["interfaces"] = processor.interfaces;
  json["hunters"] = row.node->hunters.size();
  const ProcessorRecord* record = model.figures().processor(row.key);
  json["figures"] = record ? figures_of(*record) : Json();
  return json;
}

Json json_of_tree(const Model& model, ServerIndex server) {
  // Rows come from the top down, each below the last one of less depth.
  std::vector<NodeRow> rows;
  if (model.tree(server)) add_rows(server, model.tree(server), {}, rows);
  std::vector<Json*> line;  // from the top to the latest processor; arrays hold what is below in their own order
  Json top;
  for (const NodeRow& row : rows) {
    Json json = json_of(model, row);
    json.erase("figures");
    if (row.hunter) {
      (*line[row.key.path.size()])["hunters"].push_back(std::move(json));
      continue;
    }
    json["hunters"] = Json::array();
    json["processors"] = Json::array();
    line.resize(row.key.path.size());
    if (line.empty()) {
      top = std::move(json);
      line.push_back(&top);
    } else {
      Json& below = (*line.back())["processors"];
      below.push_back(std::move(json));
      line.push_back(&below.back());
    }
  }
  return top;
}

Json json_of(const std::string& server, const fleet::NodePath& path, const FilterRow& row) {
  const fleet::Filter& filter = row.filter;
  return {{"server", server},
          {"path", fleet::path_text(path)},
          {"id", filter.id},
          {"type", word_of(filter.type)},
          {"pattern", filter.pattern},
          {"action", word_of(filter.action)},
          {"enabled", filter.enabled},
          {"target_hunters", filter.target_hunters},
          {"description", filter.description},
          {"expires", time_of(filter.expires_at_ns)},
          {"packets_hit", row.packets_hit},
          {"last_hit", time_of(row.last_hit_ns)}};
}

Json json_of(const std::string& server, const fleet::Call& call) {
  Json json = {{"server", server},
               {"id", call.id},
               {"state", call.state},
               {"from", call.from_user},
               {"to", call.to_user},
               {"start", time_of(call.start_ns)},
               {"answered", time_of(call.answered_ns)},
               {"ended", time_of(call.ended_ns)},
               {"last", time_of(call.last_ns)},
               {"tags", call.tag_pair},
               {"legs", Json::array()},
               {"streams", Json::array()}};
  for (const fleet::CallLeg& leg : call.legs) json["legs"].push_back(leg_of(leg));
  for (const fleet::CallStream& stream : call.streams) json["streams"].push_back(stream_of(stream));
  return json;
}

Json json_of(const std::string& server, const PacketRow& packet) {
  return {{"server", server},
          {"number", packet.number},
          {"time", time_of(packet.time_ns)},
          {"time_ns", packet.time_ns},
          {"hunter", packet.hunter},
          {"interface", packet.interface},
          {"link_type", packet.link_type},
          {"source", packet.source},
          {"destination", packet.destination},
          {"protocol", packet.protocol},
          {"info", packet.info},
          {"call_id", packet.call_id},
          {"length", packet.length},
          {"captured", packet.bytes->size()},
          {"filters", packet.filters}};
}

}  // namespace lc::watch
