// --batch filters, calls and events.
#include <map>
#include <utility>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "lcwatch/batch/batch_view.h"
#include "lcwatch/batch/change_line.h"
#include "lcwatch/batch/filter_words.h"
#include "lcwatch/batch/json.h"
#include "lcwatch/batch/text_table.h"

namespace lc::watch {
namespace {

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : ",") + text;
  return all;
}

std::string time_text(std::int64_t ns) {
  return ns == 0 ? "" : utc_text(ns);
}

class FiltersView final : public BatchView {
 public:
  FiltersView(const BatchSettings& settings, Session& session) : settings_(settings), session_(session) {
    of_.resize(session.servers());
  }

  std::string took(const Update& update) override {
    if (const auto* came = std::get_if<TreeCame>(&update)) {
      tree_came(*came);
    } else if (const auto* filters = std::get_if<FiltersCame>(&update)) {
      return filters_came(*filters);
    }
    return {};
  }

  bool complete(ServerIndex server) const override { return of_[server].done; }

  std::string all() override { return settings_.json ? "[" + text_ + "\n]\n" : text_ + table_.take(); }

 private:
  struct Of {
    std::optional<fleet::NodePath> path;
    bool done = false;
    std::map<std::string, std::string> shown;  // by id: as it was written last
  };

  void tree_came(const TreeCame& came) {
    Of& of = of_[came.server];
    if (!of.path) {
      Result<fleet::NodePath> path = resolve(came.tree, settings_.on);
      if (!path) return session_.fail(came.server, path.error());
      of.path = std::move(*path);
    } else if (came.change && !may_change_filters(*came.change, *of.path)) {
      return;
    }
    session_.remote().list_filters(came.server, *of.path);
  }

  /// Of the processor at the path: a filter of it, or that it, or one on the way to it, is back.
  static bool may_change_filters(const fleet::TreeChange& change, const fleet::NodePath& path) {
    if (std::holds_alternative<fleet::FilterUpdated>(change.event)) return change.path == path;
    const auto* const linked = std::get_if<fleet::ReachabilityChanged>(&change.event);
    const bool is_back = std::holds_alternative<fleet::ProcessorConnected>(change.event) ||
                         (linked != nullptr && linked->link.reachable);
    return is_back && change.path.size() < path.size() &&
           std::equal(change.path.begin(), change.path.end(), path.begin());
  }

  std::string filters_came(const FiltersCame& came) {
    Of& of = of_[came.server];
    if (of.done && !settings_.follow) return {};  // another server is still waited for
    if (!came.filters) {
      if (of.done) return {};  // it is out of reach for now, and asked again when it is back
      session_.fail(came.server, came.filters.error());
      return {};
    }
    of.done = true;
    const std::string& server = session_.model().servers()[came.server];
    std::map<std::string, std::string> now;
    std::string text;
    for (const FilterRow& row : *came.filters) {
      const std::string json = text_of(json_of(server, came.path, row));
      const auto before = of.shown.find(row.filter.id);
      now[row.filter.id] = json;
      if (before != of.shown.end() && before->second == json) continue;
      if (!settings_.json) {
        add(came, row);
      } else {
        text += settings_.follow ? json + "\n" : (text_.empty() && text.empty() ? "\n" : ",\n") + json;
      }
    }
    for (const auto& [id, json] : of.shown) {
      if (!now.contains(id)) text += removed(came, id);
    }
    of.shown = std::move(now);
    if (settings_.follow) return settings_.json ? text : table_.take();
    text_ += text;
    return {};
  }

  std::string removed(const FiltersCame& came, const std::string& id) {
    if (settings_.json) {
      return text_of({{"server", session_.model().servers()[came.server]},
                      {"path", fleet::path_text(came.path)},
                      {"id", id},
                      {"removed", true}}) +
             "\n";
    }
    table_.add({session_.model().where(came.server, came.path), id, "", "", "", "removed", "", "", "", ""});
    return {};
  }

  void add(const FiltersCame& came, const FilterRow& row) {
    const fleet::Filter& filter = row.filter;
    table_.add({session_.model().where(came.server, came.path), filter.id, word_of(filter.type), filter.pattern,
                word_of(filter.action), filter.enabled ? "enabled" : "disabled",
                filter.target_hunters.empty() ? "all" : joined(filter.target_hunters), std::to_string(row.packets_hit),
                time_text(row.last_hit_ns), filter.description});
  }

  const BatchSettings settings_;
  Session& session_;
  std::vector<Of> of_;
  std::string text_;
  TextTable table_{{{"PROCESSOR"},
                    {"ID"},
                    {"TYPE"},
                    {"PATTERN"},
                    {"ACTION"},
                    {"STATE"},
                    {"HUNTERS"},
                    {"HITS", true},
                    {"LAST HIT"},
                    {"DESCRIPTION"}}};
};

class CallsView final : public BatchView {
 public:
  CallsView(const BatchSettings& settings, Session& session) : settings_(settings), session_(session) {
    complete_.resize(session.servers());
  }

  std::string took(const Update& update) override {
    if (const auto* done = std::get_if<CallsComplete>(&update)) complete_[done->server] = true;
    if (!settings_.follow) return {};
    if (const auto* came = std::get_if<CallCame>(&update)) return line(came->server, *came->call);
    const auto* gone = std::get_if<CallGone>(&update);
    if (!gone || !settings_.json) return {};
    return text_of({{"server", session_.model().servers()[gone->server]}, {"id", gone->id}, {"removed", true}}) + "\n";
  }

  bool complete(ServerIndex server) const override { return complete_[server]; }

  std::string all() override {
    std::string text;
    session_.model().calls().each([&](const CallKey& key, const CallTable::Pointer& call) {
      if (settings_.json) {
        text += (text.empty() ? "\n" : ",\n") + text_of(json_of(session_.model().servers()[key.server], *call));
      } else {
        add(key.server, *call);
      }
    });
    return settings_.json ? "[" + text + "\n]\n" : table_.take();
  }

 private:
  std::string line(ServerIndex server, const fleet::Call& call) {
    if (settings_.json) return text_of(json_of(session_.model().servers()[server], call)) + "\n";
    add(server, call);
    return table_.take();
  }

  void add(ServerIndex server, const fleet::Call& call) {
    const std::int64_t end = call.ended_ns != 0 ? call.ended_ns : call.last_ns;
    double worst = 0;
    std::string codec;
    for (const fleet::CallStream& stream : call.streams) {
      if (stream.mos > 0 && (worst == 0 || stream.mos < worst)) worst = stream.mos;
      if (codec.empty()) codec = stream.codec;
    }
    const auto tenths = static_cast<int>(worst * 10 + 0.5);
    table_.add({session_.model().servers()[server], call.state, call.from_user, call.to_user, time_text(call.start_ns),
                std::to_string(std::max<std::int64_t>(end - call.start_ns, 0) / 1'000'000'000) + "s",
                std::to_string(call.legs.size()), call.legs.empty() ? "" : call.legs.front().hunter_id, codec,
                worst == 0 ? "" : std::to_string(tenths / 10) + "." + std::to_string(tenths % 10), call.id});
  }

  const BatchSettings settings_;
  Session& session_;
  std::vector<bool> complete_;
  TextTable table_{{{"SERVER"},
                    {"STATE"},
                    {"FROM"},
                    {"TO"},
                    {"START"},
                    {"LENGTH", true},
                    {"LEGS", true},
                    {"HUNTER"},
                    {"CODEC"},
                    {"MOS", true},
                    {"ID"}}};
};

/// Only ever what happens from now on.
class EventsView final : public BatchView {
 public:
  EventsView(const BatchSettings& settings, Session& session) : settings_(settings), session_(session) {}

  std::string took(const Update& update) override {
    std::string line;
    if (const auto* came = std::get_if<TreeCame>(&update); came && came->change) {
      line = change_line(session_.model(), *came, settings_.json);
    } else if (const auto* changed = std::get_if<StreamChanged>(&update)) {
      line = change_line(session_.model(), *changed, settings_.json);
    }
    if (line.empty() || finished()) return {};
    ++events_;
    return line;
  }

  bool complete(ServerIndex) const override { return finished(); }

 private:
  [[nodiscard]] bool finished() const { return settings_.count > 0 && events_ >= settings_.count; }

  const BatchSettings settings_;
  Session& session_;
  std::uint64_t events_ = 0;
};

}  // namespace

Result<fleet::NodePath> resolve(const fleet::ProcessorTree& tree, const std::string& on) {
  if (on.empty() || on == "/") return fleet::NodePath{};
  if (on.front() == '/') {
    fleet::NodePath path = split(on, '/');
    if (fleet::find(tree, path)) return path;
    return Error{Code::kNotFound, "there is no processor " + lc::quoted(on)};
  }
  const std::vector<fleet::Located> found = fleet::locate(tree, on);
  if (found.empty()) return Error{Code::kNotFound, "there is no processor " + lc::quoted(on)};
  if (found.size() == 1) return found.front().path;
  std::string paths;
  for (const fleet::Located& one : found) paths += (paths.empty() ? "" : ", ") + fleet::path_text(one.path);
  return Error{Code::kFailedPrecondition, "several processors have the id " + lc::quoted(on) + ": " + paths};
}

std::unique_ptr<BatchView> filters_view(const BatchSettings& settings, Session& session) {
  return std::make_unique<FiltersView>(settings, session);
}

std::unique_ptr<BatchView> calls_view(const BatchSettings& settings, Session& session) {
  return std::make_unique<CallsView>(settings, session);
}

std::unique_ptr<BatchView> events_view(const BatchSettings& settings, Session& session) {
  return std::make_unique<EventsView>(settings, session);
}

}  // namespace lc::watch
