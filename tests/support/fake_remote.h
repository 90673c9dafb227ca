// A Remote that remembers what it was asked, and the world that one might see through it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lcwatch/model/remote.h"
#include "tests/support/trees.h"

namespace lc::test {

class FakeRemote final : public watch::Remote {
 public:
  explicit FakeRemote(std::vector<std::string> names = {"noc"}) {
    for (const std::string& name : names) servers_.push_back({name, name + ":55555"});
  }

  [[nodiscard]] const std::vector<Server>& servers() const override { return servers_; }
  void choose_hunters(watch::ServerIndex server, std::optional<std::set<std::string>> hunters) override {
    chosen[server] = std::move(hunters);
    ++choices;
  }
  void want_packets(watch::ServerIndex, bool wanted) override { packets_wanted = wanted; }
  void show_call(watch::ServerIndex, std::string id) override { call_shown = std::move(id); }
  void list_filters(watch::ServerIndex server, fleet::NodePath path) override {
    listed.emplace_back(server, std::move(path));
  }
  std::uint64_t save_filter(watch::ServerIndex, fleet::NodePath path, fleet::Filter filter) override {
    saved.emplace_back(std::move(path), std::move(filter));
    return ++operations;
  }
  std::uint64_t delete_filter(watch::ServerIndex, fleet::NodePath path, std::string id) override {
    deleted.emplace_back(std::move(path), std::move(id));
    return ++operations;
  }
  void resync(watch::ServerIndex server) override { resynced.push_back(server); }

  std::map<watch::ServerIndex, std::optional<std::set<std::string>>> chosen;
  int choices = 0;
  bool packets_wanted = true;
  std::string call_shown;
  std::vector<std::pair<watch::ServerIndex, fleet::NodePath>> listed;
  std::vector<std::pair<fleet::NodePath, fleet::Filter>> saved;
  std::vector<std::pair<fleet::NodePath, std::string>> deleted;
  std::vector<watch::ServerIndex> resynced;
  std::uint64_t operations = 0;

 private:
  std::vector<Server> servers_;
};

inline constexpr std::int64_t kSomeTime_ns = 1'790'000'000'000'000'000;  // 2026-09-21 14:13:20 UTC

/// noc with h1, h2; below it east with h3, and edge below that with h4; west, which can't be reached.
inline fleet::ProcessorTree some_tree() {
  fleet::ProcessorNode west = *tree("west", {"h5"});
  west.link = {.reachable = false, .reason = "connection refused", .since_ns = kSomeTime_ns - 90'000'000'000};
  return tree("noc", {"h1", "h2"},
              {tree("east", {"h3"}, {tree("edge", {"h4"})}), std::make_shared<const fleet::ProcessorNode>(west)});
}

/// Those of a processor after so many seconds.
inline watch::FiguresCame some_figures(fleet::NodePath path, const std::vector<std::string>& hunters,
                                       std::uint64_t seconds, std::uint64_t packets_per_s = 12'345) {
  fleet::NodeFigures figures;
  figures.taken_ns = kSomeTime_ns + static_cast<std::int64_t>(seconds) * 1'000'000'000;
  fleet::ProcessorStats& stats = figures.processor;
  stats.packets_received = 1'000 + seconds * packets_per_s;
  stats.bytes_received = stats.packets_received * 800;
  stats.packets_stored = stats.packets_received * 9 / 10;
  stats.packets_live_only = stats.packets_received - stats.packets_stored - 5;
  stats.packets_in_flight = 5;
  stats.started_ns = kSomeTime_ns - 93'784'000'000'000;
  stats.spool_bytes = 700;
  stats.spool_limit_bytes = 1'000;
  stats.filters = 2;
  stats.cpu_percent = 12;
  stats.memory_rss_bytes = 45'000'000;
  stats.certificate_not_after_ns = kSomeTime_ns + 12 * 86'400'000'000'000;
  for (const std::string& id : hunters) {
    fleet::HunterFigures hunter{.id = id, .stats = {}};
    hunter.stats.packets_captured = seconds * packets_per_s;
    hunter.stats.packets_forwarded = hunter.stats.packets_captured * 7 / 10;
    hunter.stats.packets_dropped = id == "h2" ? hunter.stats.packets_captured / 50 : 0;
    hunter.stats.packets_filtered =
        hunter.stats.packets_captured - hunter.stats.packets_forwarded - hunter.stats.packets_dropped;
    hunter.stats.spool_limit_bytes = 1'000;
    hunter.stats.spool_bytes = id == "h3" ? 910 : 0;
    hunter.stats.started_ns = kSomeTime_ns - 3'700'000'000'000;
    hunter.stats.memory_rss_bytes = 51'000'000;
    hunter.stats.cpu_percent = 7;
    hunter.filter_revision = 4;
    hunter.stats.filter_revision = id == "h2" ? 3 : 4;
    hunter.filters_targeting = 2;
    hunter.stats.active_filters = id == "h2" ? 1 : 2;
    hunter.last_heartbeat_ns = figures.taken_ns;
    hunter.clock_offset_ns = 1'500'000;
    figures.hunters.push_back(hunter);
  }
  return {.server = 0, .at = {.path = std::move(path), .figures = figures}};
}

inline watch::PacketRow some_packet(std::uint64_t number, const std::string& info = {}) {
  const std::string text = "OPTIONS sip:bob@example.com SIP/2.0\r\nCall-ID: x\r\n\r\n" + std::string(number % 90, '.');
  return {.number = number,
          .time_ns = kSomeTime_ns + static_cast<std::int64_t>(number) * 1'000'000,
          .hunter = number % 3 == 0 ? "east/h3" : "h1",
          .interface = "eth0",
          .source = "192.0.2.10:5060",
          .destination = "198.51.100.7:" + std::to_string(5060 + number % 7),
          .protocol = number % 4 == 0 ? "RTP" : "SIP",
          .info = info.empty() ? "Request: OPTIONS sip:bob@example.com | number " + std::to_string(number) : info,
          .call_id = number % 4 == 0 ? "" : "call-" + std::to_string(number % 5) + "@192.0.2.10",
          .length = static_cast<std::uint32_t>(text.size()),
          .link_type = 1,
          .bytes = std::make_shared<const std::string>(text),
          .filters = {"alice"}};
}

inline watch::PacketsCame some_packets(std::uint64_t from, std::uint64_t count) {
  watch::PacketsCame came{.packets = {}, .offered = from + count - 1};
  for (std::uint64_t number = from; number < from + count; ++number) came.packets.push_back(some_packet(number));
  return came;
}

inline watch::CallCame some_call(const std::string& id, const std::string& state = "active", bool with_messages = false,
                                 const std::string& from = "alice") {
  fleet::Call call;
  call.id = id;
  call.from_user = from;
  call.to_user = "bob";
  call.state = state;
  call.start_ns = kSomeTime_ns - 65'000'000'000;
  call.answered_ns = kSomeTime_ns - 60'000'000'000;
  call.ended_ns = state == "ended" ? kSomeTime_ns - 1'000'000'000 : 0;
  call.last_ns = kSomeTime_ns;
  call.legs.push_back({.call_id = id + "@a",
                       .hunter_id = "h1",
                       .source = "192.0.2.10",
                       .destination = "198.51.100.7",
                       .method = "INVITE",
                       .state = state});
  fleet::CallStream stream;
  stream.call_id = id + "@a";
  stream.hunter_id = "h1";
  stream.source = "192.0.2.10:40000";
  stream.destination = "198.51.100.7:40002";
  stream.codec = "PCMA";
  stream.packets = 3'000;
  stream.lost = 45;
  stream.jitter_ms = 4.2;
  stream.mos = 4.1;
  call.streams.push_back(stream);
  if (with_messages) {
    const auto message = [&](int at_ms, const char* from_host, const char* to_host, const char* method,
                             std::uint32_t code, bool sdp) {
      call.messages.push_back({.time_ns = call.start_ns + at_ms * 1'000'000LL,
                               .call_id = id + "@a",
                               .hunter_id = "h1",
                               .source = from_host,
                               .destination = to_host,
                               .method = method,
                               .response_code = code,
                               .cseq = 1,
                               .sdp = sdp});
    };
    const char* a = "192.0.2.10:5060";
    const char* b = "203.0.113.1:5060";
    const char* c = "198.51.100.7:5060";
    message(0, a, b, "INVITE", 0, true);
    message(2, b, c, "INVITE", 0, true);
    message(3, b, a, "INVITE", 100, false);
    message(90, c, b, "INVITE", 180, false);
    message(91, b, a, "INVITE", 180, false);
    message(5'000, c, b, "INVITE", 200, true);
    message(5'001, b, a, "INVITE", 200, true);
    message(5'010, a, b, "ACK", 0, false);
    message(5'011, b, c, "ACK", 0, false);
    call.more_messages = 2;
  }
  return {.server = 0, .call = std::make_shared<const fleet::Call>(std::move(call))};
}

inline fleet::Filter some_filter(const std::string& id, fleet::FilterType type, const std::string& pattern) {
  fleet::Filter filter;
  filter.id = id;
  filter.type = type;
  filter.pattern = pattern;
  filter.enabled = true;
  return filter;
}

inline watch::FiltersCame some_filters(fleet::NodePath path = {}) {
  std::vector<watch::FilterRow> rows(3);
  rows[0].filter = some_filter("alice", fleet::FilterType::kSipUser, "alice*");
  rows[0].packets_hit = 123'456;
  rows[0].last_hit_ns = kSomeTime_ns;
  rows[1].filter = some_filter("net", fleet::FilterType::kIpAddress, "192.0.2.0/24");
  rows[1].filter.target_hunters = {"h2"};
  rows[1].filter.action = fleet::CaptureAction::kSignalling;
  rows[2].filter = some_filter("old", fleet::FilterType::kBpf, "udp port 5060");
  rows[2].filter.enabled = false;
  return {.server = 0, .path = std::move(path), .filters = std::move(rows)};
}

}  // namespace lc::test
