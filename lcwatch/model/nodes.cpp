#include "lcwatch/model/nodes.h"

#include <utility>

namespace lc::watch {
namespace {

NodeState state_of(const fleet::Processor& processor) {
  if (processor.status == fleet::ProcessorStatus::kHealthy) return NodeState::kHealthy;
  return processor.status == fleet::ProcessorStatus::kWarning ? NodeState::kWarning : NodeState::kError;
}

NodeState state_of(fleet::HunterStatus status) {
  switch (status) {
    case fleet::HunterStatus::kHealthy:
      return NodeState::kHealthy;
    case fleet::HunterStatus::kWarning:
      return NodeState::kWarning;
    case fleet::HunterStatus::kError:
      return NodeState::kError;
    case fleet::HunterStatus::kStopping:
      break;
  }
  return NodeState::kStopping;
}

struct Walk {
  const std::set<NodeKey>& collapsed;
  std::vector<NodeRow>& rows;

  // `more` is the row's own: one entry for each level above it, and one for itself.
  void add(const fleet::ProcessorTree& tree, const NodeKey& key, const fleet::Reachability& link,
           std::vector<bool> more) {
    const bool has_children = !tree->hunters.empty() || !tree->children.empty();
    rows.push_back({.key = key,
                    .node = tree.get(),
                    .link = link,
                    .depth = key.path.size(),
                    .more = more,
                    .has_children = has_children,
                    .state = link.reachable ? state_of(tree->processor) : NodeState::kUnreachable});
    if (!has_children || collapsed.contains(key)) return;
    const std::size_t count = tree->hunters.size() + tree->children.size();
    std::size_t at = 0;
    more.push_back(false);
    for (const fleet::HunterPointer& hunter : tree->hunters) {
      more.back() = ++at < count;
      rows.push_back({.key = {key.server, key.path, hunter->description.id},
                      .node = tree.get(),
                      .hunter = hunter,
                      .link = link,
                      .depth = key.path.size() + 1,
                      .more = more,
                      .state = link.reachable ? state_of(hunter->status) : NodeState::kUnreachable});
    }
    for (const fleet::ProcessorTree& child : tree->children) {
      more.back() = ++at < count;
      NodeKey below = key;
      below.path.push_back(child->processor.id);
      add(child, below, fleet::effective(link, child->link), more);
    }
  }
};

}  // namespace

std::string_view name_of(NodeState state) {
  switch (state) {
    case NodeState::kHealthy:
      return "HEALTHY";
    case NodeState::kWarning:
      return "WARNING";
    case NodeState::kError:
      return "ERROR";
    case NodeState::kStopping:
      return "STOPPING";
    case NodeState::kUnreachable:
      break;
  }
  return "UNREACHABLE";
}

void add_rows(ServerIndex server, const fleet::ProcessorTree& tree, const std::set<NodeKey>& collapsed,
              std::vector<NodeRow>& rows) {
  if (tree) Walk{collapsed, rows}.add(tree, {server, {}, {}}, {}, {});
}

}  // namespace lc::watch
