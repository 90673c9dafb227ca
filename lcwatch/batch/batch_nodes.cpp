// --batch nodes and topology.
#include <set>
#include <utility>

#include "common/base/clock.h"
#include "lcwatch/batch/batch_view.h"
#include "lcwatch/batch/change_line.h"
#include "lcwatch/batch/json.h"
#include "lcwatch/batch/text_table.h"
#include "lcwatch/model/text.h"

namespace lc::watch {
namespace {

using namespace std::chrono_literals;

// Processors send figures every second; one that sends none is shown without.
constexpr auto kFiguresLimit = 2500ms;

std::string duration(std::int64_t ns) {
  const std::int64_t seconds = ns / 1'000'000'000;
  if (seconds < 0) return "0s";
  if (seconds < 60) return std::to_string(seconds) + "s";
  if (seconds < 3600) return std::to_string(seconds / 60) + "m";
  if (seconds < 2 * 86400) return std::to_string(seconds / 3600) + "h" + std::to_string(seconds / 60 % 60) + "m";
  return std::to_string(seconds / 86400) + "d";
}

std::string since(std::int64_t start_ns, std::int64_t now_ns) {
  return start_ns == 0 ? "" : duration(now_ns - start_ns);
}

std::string whole(double value) {
  return std::to_string(static_cast<std::int64_t>(value + 0.5));
}

std::uint64_t sum(const std::map<std::string, std::uint64_t>& by_reason) {
  std::uint64_t all = 0;
  for (const auto& [reason, count] : by_reason) all += count;
  return all;
}

std::string percent(std::uint64_t bytes, std::uint64_t limit) {
  return limit == 0 ? "" : whole(spool_percent(bytes, limit)) + "%";
}

std::string place(const Model& model, const NodeRow& row) {
  const std::string processor = model.where(row.key.server, row.key.path);
  return row.hunter ? processor + " " + row.id() : processor;
}

class NodesView final : public BatchView {
 public:
  NodesView(const BatchSettings& settings, Session& session) : settings_(settings), session_(session) {
    trees_came_.resize(session.servers());
  }

  std::string took(const Update& update) override {
    if (const auto* came = std::get_if<TreeCame>(&update)) {
      if (!trees_came_[came->server]) trees_came_[came->server] = Clock::now();
      if (settings_.follow && came->change) return gone(*came);
    } else if (const auto* figures = std::get_if<FiguresCame>(&update); figures && settings_.follow) {
      return lines(
          [&](const NodeRow& row) { return row.key.server == figures->server && row.key.path == figures->at.path; });
    }
    return {};
  }

  bool complete(ServerIndex server) const override {
    if (!trees_came_[server]) return false;
    if (Clock::now() - *trees_came_[server] >= kFiguresLimit) return true;
    for (const NodeRow& row : session_.model().rows({})) {
      const bool waits = row.key.server == server && !row.hunter && row.state != NodeState::kUnreachable;
      if (waits && session_.model().figures().processor(row.key) == nullptr) return false;
    }
    return true;
  }

  std::string all() override {
    const std::string text = lines([](const NodeRow&) { return true; });
    return settings_.json ? "[" + text + "\n]\n" : text;
  }

 private:
  template <typename Condition>
  std::string lines(Condition&& wanted) {
    std::string text;
    for (const NodeRow& row : session_.model().rows({})) {
      if (!wanted(row)) continue;
      if (!settings_.json) {
        add(row);
      } else if (settings_.follow) {
        text += text_of(json_of(session_.model(), row)) + "\n";
      } else {
        text += (text.empty() ? "\n" : ",\n") + text_of(json_of(session_.model(), row));
      }
    }
    return settings_.json ? text : table_.take();
  }

  /// What is no more has no row.
  std::string gone(const TreeCame& came) {
    const auto* hunter = std::get_if<fleet::HunterDisconnected>(&came.change->event);
    const auto* processor = std::get_if<fleet::ProcessorRemoved>(&came.change->event);
    if (!hunter && !processor) {
      return lines(
          [&](const NodeRow& row) { return row.key.server == came.server && row.key.path == came.change->path; });
    }
    fleet::NodePath path = came.change->path;
    if (processor) path.push_back(processor->id);
    const std::string& id = hunter ? hunter->id : processor->id;
    const std::string& reason = hunter ? hunter->reason : processor->reason;
    const std::string kind = hunter ? "hunter" : "processor";
    if (settings_.json) {
      return text_of({{"kind", kind},
                      {"server", session_.model().servers()[came.server]},
                      {"path", fleet::path_text(path)},
                      {"id", id},
                      {"state", "GONE"},
                      {"reason", reason}}) +
             "\n";
    }
    const std::string where = session_.model().where(came.server, path);
    table_.add({hunter ? where + " " + id : where, kind, "GONE", "", "", "", "", "", "", "", "", reason});
    return table_.take();
  }

  void add(const NodeRow& row) {
    const Model& model = session_.model();
    std::vector<std::string> cells = {place(model, row)};
    if (row.hunter) {
      const HunterRecord* record = model.figures().hunter(row.key);
      const fleet::HunterDescription& description = row.hunter->description;
      cells.insert(cells.end(), {"hunter", std::string(name_of(row.state)), description.hostname, description.version});
      if (record) {
        const fleet::HunterStats& stats = record->figures.stats;
        cells.insert(cells.end(),
                     {since(stats.started_ns, record->taken_ns), std::to_string(stats.packets_captured),
                      std::to_string(sum(stats.dropped_by_reason)), percent(stats.spool_bytes, stats.spool_limit_bytes),
                      std::to_string(stats.active_filters) + "/" + std::to_string(record->figures.filters_targeting),
                      whole(static_cast<double>(stats.cpu_percent)) + "%"});
      }
    } else {
      const ProcessorRecord* record = model.figures().processor(row.key);
      const fleet::Processor& processor = row.node->processor;
      cells.insert(cells.end(), {processor.type == fleet::NodeType::kTap ? "tap" : "processor",
                                 std::string(name_of(row.state)), processor.address, processor.version});
      if (record) {
        const fleet::ProcessorStats& stats = record->stats;
        cells.insert(cells.end(),
                     {since(stats.started_ns, record->taken_ns), std::to_string(stats.packets_received),
                      std::to_string(sum(stats.dropped_by_reason)), percent(stats.spool_bytes, stats.spool_limit_bytes),
                      std::to_string(stats.filters), whole(static_cast<double>(stats.cpu_percent)) + "%"});
      }
    }
    cells.resize(kColumns - 1);
    cells.push_back(row.hunter ? "" : row.link.reachable ? row.node->processor.status_reason : row.link.reason);
    table_.add(std::move(cells));
  }

  static constexpr std::size_t kColumns = 12;

  const BatchSettings settings_;
  Session& session_;
  std::vector<std::optional<Clock::time_point>> trees_came_;
  TextTable table_{{{"NODE"},
                    {"KIND"},
                    {"STATE"},
                    {"HOST"},
                    {"VERSION"},
                    {"UP", true},
                    {"PACKETS", true},
                    {"DROPPED", true},
                    {"SPOOL", true},
                    {"FILTERS", true},
                    {"CPU", true},
                    {"REASON", false, 120}}};
};

class TopologyView final : public BatchView {
 public:
  TopologyView(const BatchSettings& settings, Session& session) : settings_(settings), session_(session) {}

  std::string took(const Update& update) override {
    const auto* came = std::get_if<TreeCame>(&update);
    if (!came || !settings_.follow) return {};
    const std::string& server = session_.model().servers()[came->server];
    if (!came->change) {
      if (!settings_.json) return tree(came->server);
      return text_of({{"event", "snapshot"},
                      {"time", time_of(wall_ns())},
                      {"server", server},
                      {"tree", json_of_tree(session_.model(), came->server)}}) +
             "\n";
    }
    return change_line(session_.model(), *came, settings_.json);
  }

  bool complete(ServerIndex server) const override { return session_.model().tree(server) != nullptr; }

  std::string all() override {
    std::string text;
    for (ServerIndex i = 0; i < session_.servers(); ++i) {
      if (!session_.model().tree(i)) continue;
      if (settings_.json) {
        text += (text.empty() ? "\n" : ",\n") + text_of(json_of_tree(session_.model(), i));
      } else {
        text += tree(i);
      }
    }
    return settings_.json ? "[" + text + "\n]\n" : text;
  }

 private:
  std::string tree(ServerIndex server) {
    std::string text;
    for (const NodeRow& row : session_.model().rows({})) {
      if (row.key.server != server) continue;
      const std::size_t depth = row.key.path.size() + (row.hunter ? 1 : 0);
      std::string line = std::string(2 * depth, ' ') + (row.hunter ? "- " : "") +
                         (depth == 0 ? model_name(server) + " " : "") + row.id() + "  " +
                         std::string(name_of(row.state));
      const std::string& address = row.hunter ? row.hunter->remote_address : row.node->processor.address;
      if (!address.empty()) line += "  " + address;
      if (!row.hunter && !row.link.reachable) line += "  since " + utc_text(row.link.since_ns) + ": " + row.link.reason;
      text += shown(line) + "\n";
    }
    return text;
  }
  const std::string& model_name(ServerIndex server) const { return session_.model().servers()[server]; }

  const BatchSettings settings_;
  Session& session_;
};

}  // namespace

std::unique_ptr<BatchView> nodes_view(const BatchSettings& settings, Session& session) {
  return std::make_unique<NodesView>(settings, session);
}

std::unique_ptr<BatchView> topology_view(const BatchSettings& settings, Session& session) {
  return std::make_unique<TopologyView>(settings, session);
}

}  // namespace lc::watch
