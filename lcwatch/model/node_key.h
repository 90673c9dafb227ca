// Names a node of all trees.
#pragma once

#include <compare>
#include <string>

#include "common/fleet/processor_tree.h"
#include "lcwatch/model/update.h"

namespace lc::watch {

struct NodeKey {
  ServerIndex server = 0;
  fleet::NodePath path = {};  // of the processor, from the server down; empty: the server itself
  std::string hunter = {};    // of it; empty: the processor is meant

  [[nodiscard]] bool is_hunter() const { return !hunter.empty(); }
  [[nodiscard]] NodeKey processor() const { return {server, path, {}}; }

  auto operator<=>(const NodeKey&) const = default;
};

}  // namespace lc::watch
