// The trees of all processors that are watched, as rows.
#pragma once

#include <set>
#include <string_view>
#include <vector>

#include "lcwatch/model/node_key.h"

namespace lc::watch {

enum class NodeState { kHealthy, kWarning, kError, kStopping, kUnreachable };
std::string_view name_of(NodeState state);  // HEALTHY ... UNREACHABLE

struct NodeRow {
  NodeKey key;
  const fleet::ProcessorNode* node = nullptr;  // the processor, or the hunter's
  fleet::HunterPointer hunter = nullptr;       // null: the row is the processor's
  fleet::Reachability link = {};               // what is above included
  std::size_t depth = 0;
  std::vector<bool> more = {};  // for each level above, and itself: whether a sibling follows
  bool has_children = false;
  NodeState state = NodeState::kHealthy;

  [[nodiscard]] const std::string& id() const { return hunter ? hunter->description.id : node->processor.id; }
};

/// Processors with their hunters first, then the processors below; nothing below those that are collapsed. The rows
/// point into the tree.
void add_rows(ServerIndex server, const fleet::ProcessorTree& tree, const std::set<NodeKey>& collapsed,
              std::vector<NodeRow>& rows);

}  // namespace lc::watch
