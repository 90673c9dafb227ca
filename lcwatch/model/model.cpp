#include "lcwatch/model/model.h"

#include <algorithm>
#include <type_traits>

namespace lc::watch {

std::string_view name_of(StreamKind stream) {
  if (stream == StreamKind::kTopology) return "topology";
  return stream == StreamKind::kPackets ? "packets" : "calls";
}

Model::Model(std::vector<std::string> servers)
    : servers_(std::move(servers)), streams_(servers_.size()), trees_(servers_.size()) {}

void Model::apply(Update update, Moment now) {
  std::visit(
      [&](auto&& one) {
        using Kind = std::decay_t<decltype(one)>;
        if constexpr (std::is_same_v<Kind, PacketsCame>) {
          packets_.take(std::move(one));
        } else if constexpr (std::is_same_v<Kind, CallCame> || std::is_same_v<Kind, CallGone> ||
                             std::is_same_v<Kind, CallsBegin> || std::is_same_v<Kind, CallsComplete>) {
          calls_.take(one);
        } else if constexpr (std::is_same_v<Kind, AccessKnown>) {
          if (one.may_change) {
            refused_.erase(one.server);
          } else {
            refused_.insert(one.server);
          }
        } else {
          take(std::move(one), now);
        }
      },
      std::move(update));
}

void Model::advance(Moment now) {
  double packets = 0;
  double bits = 0;
  for (ServerIndex server = 0; server < servers_.size(); ++server) {
    const ProcessorRecord* record = figures_.processor({server, {}, {}});
    // Old figures say nothing of now.
    if (record == nullptr || now.steady - record->came > std::chrono::seconds(15)) continue;
    packets += record->packets_per_s;
    bits += record->bits_per_s;
  }
  packets_per_s_.add(packets);
  bits_per_s_.add(bits);
  calls_active_.add(static_cast<double>(calls_.active()));
}

std::vector<NodeRow> Model::rows(const std::set<NodeKey>& collapsed) const {
  std::vector<NodeRow> rows;
  for (ServerIndex server = 0; server < trees_.size(); ++server) add_rows(server, trees_[server], collapsed, rows);
  return rows;
}

const FilterList* Model::filters(const NodeKey& processor) const {
  const auto found = filters_.find(processor);
  return found == filters_.end() ? nullptr : &found->second;
}

bool Model::any_down(StreamKind kind) const {
  return std::ranges::any_of(streams_, [kind](const auto& streams) {
    return streams[static_cast<std::size_t>(kind)].at == StreamState::At::kDown;
  });
}

void Model::began(std::uint64_t operation, const NodeKey& processor, std::string what) {
  operations_[operation] = {processor, std::move(what)};
}

void Model::note(Moment now, Severity severity, std::string where, std::string text) {
  events_.add(now.wall_ns, severity, std::move(where), std::move(text));
}

std::string Model::where(ServerIndex server, const fleet::NodePath& path) const {
  return path.empty() ? servers_[server] : servers_[server] + fleet::path_text(path);
}

std::string Model::place(ServerIndex server, const fleet::NodePath& path) const {
  return servers_.size() == 1 ? fleet::path_text(path) : where(server, path);
}

void Model::take(StreamChanged&& changed, Moment now) {
  StreamState& state = streams_[changed.server][static_cast<std::size_t>(changed.stream)];
  const std::string name(name_of(changed.stream));
  if (changed.up) {
    if (state.at == StreamState::At::kDown) {
      note(now, Severity::kGood, servers_[changed.server], "stream of " + name + " is back");
    } else if (state.at == StreamState::At::kConnecting) {
      note(now, Severity::kInfo, servers_[changed.server], "stream of " + name + " stands");
    }
    state = {.at = StreamState::At::kUp};
    return;
  }
  // Each try that fails comes here; only what is new is an event.
  if (state.at != StreamState::At::kDown || state.reason != changed.reason) {
    note(now, Severity::kError, servers_[changed.server], "no stream of " + name + ": " + changed.reason);
  }
  if (state.at == StreamState::At::kUp) state.lost = now;
  state.at = StreamState::At::kDown;
  state.reason = std::move(changed.reason);
  state.retry_at = changed.retry_at;
}

void Model::take(TreeCame&& came, Moment now) {
  trees_[came.server] = came.tree;
  forget_figures(came);
  if (!came.change) return;
  const fleet::TreeChange& change = *came.change;
  ChangeText text = text_of(change.event);
  events_.add(change.time_ns != 0 ? change.time_ns : now.wall_ns, text.severity, place(came.server, change.path),
              std::move(text.text));
  if (std::holds_alternative<fleet::FilterUpdated>(change.event)) {
    changed_filters_.insert({came.server, change.path, {}});
  }
}

// The whole tree is gone through only when more than a hunter may be gone: hunters come and go by the thousand.
void Model::forget_figures(const TreeCame& came) {
  const auto* const gone = came.change ? std::get_if<fleet::HunterDisconnected>(&came.change->event) : nullptr;
  if (gone != nullptr) return figures_.forget_hunter({came.server, came.change->path, gone->id});
  const bool may_shrink = !came.change || std::holds_alternative<fleet::ProcessorRemoved>(came.change->event) ||
                          std::holds_alternative<fleet::ProcessorConnected>(came.change->event);
  if (may_shrink) figures_.keep_only(came.server, came.tree);
}

// Those of who is not in the tree, or not any more, would be kept for ever.
void Model::take(FiguresCame&& came, Moment now) {
  const fleet::ProcessorTree& tree = trees_[came.server];
  const fleet::ProcessorTree node = tree ? fleet::find(tree, came.at.path) : nullptr;
  if (!node) return;
  std::erase_if(came.at.figures.hunters, [&](const fleet::HunterFigures& hunter) {
    return !std::ranges::binary_search(
        node->hunters, hunter.id, {},
        [](const fleet::HunterPointer& known) -> const std::string& { return known->description.id; });
  });
  figures_.take(came.server, came.at, now);
}

void Model::take(FiltersCame&& came, Moment) {
  FilterList& list = filters_[{came.server, came.path, {}}];
  if (came.filters) {
    list = {.rows = std::move(*came.filters), .error = std::nullopt};
  } else {
    list.error = came.filters.error().text;
  }
}

void Model::take(OperationDone&& done, Moment now) {
  const auto found = operations_.find(done.operation);
  if (found == operations_.end()) return;
  const Operation operation = std::move(found->second);
  operations_.erase(found);
  const NodeKey& at = operation.processor;
  const bool well = done.status.ok();
  if (!well && done.status.error().code == Code::kPermissionDenied) refused_.insert(at.server);
  if (well) refused_.erase(at.server);
  std::string text =
      well ? (done.done.empty() ? operation.what : done.done) : operation.what + ": " + done.status.error().text;
  note(now, well ? Severity::kGood : Severity::kError, where(at.server, at.path), text);
  outcomes_.push_back({done.operation, at, well, std::move(text)});
  if (well) changed_filters_.insert(at);
}

}  // namespace lc::watch
