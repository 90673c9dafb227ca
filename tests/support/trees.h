// Processors and hunters for tests of trees, in short.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/fleet/processor_tree.h"

namespace lc::test {

inline fleet::ConnectedHunter hunter(const std::string& id,
                                     fleet::HunterStatus status = fleet::HunterStatus::kHealthy) {
  fleet::ConnectedHunter hunter;
  hunter.description.id = id;
  hunter.status = status;
  return hunter;
}

/// With hunters of these ids, and children; both in any order.
inline fleet::ProcessorTree tree(const std::string& id, std::vector<std::string> hunters = {},
                                 std::vector<fleet::ProcessorTree> children = {}) {
  std::ranges::sort(hunters);
  std::ranges::sort(children, {}, [](const auto& child) { return child->processor.id; });
  fleet::ProcessorNode node{.processor = {.id = id, .address = id + ":55555"}};
  for (const std::string& one : hunters) {
    node.hunters.push_back(std::make_shared<const fleet::ConnectedHunter>(hunter(one)));
  }
  node.children = std::move(children);
  return std::make_shared<const fleet::ProcessorNode>(std::move(node));
}

/// The same, its link broken.
inline fleet::ProcessorTree unreachable(const fleet::ProcessorTree& tree) {
  fleet::ProcessorNode node = *tree;
  node.link = {.reachable = false, .reason = "the connection broke", .since_ns = 7};
  return std::make_shared<const fleet::ProcessorNode>(std::move(node));
}

/// One below the other, the first at the top.
inline fleet::ProcessorTree chain_tree(std::size_t length) {
  fleet::ProcessorTree made;
  for (std::size_t i = length; i-- > 0;) {
    made = tree("p" + std::to_string(i), {}, made ? std::vector{made} : std::vector<fleet::ProcessorTree>{});
  }
  return made;
}

/// Everything that is in it, as one line: id[hunters](children), "!" after what its parent can't reach.
inline std::string text_of(const fleet::ProcessorTree& tree) {
  std::string text = tree->processor.id;
  if (!tree->link.reachable) text += "!";
  for (const fleet::HunterPointer& hunter : tree->hunters) {
    text += " " + hunter->description.id + (hunter->status == fleet::HunterStatus::kHealthy ? "" : "?");
  }
  for (const fleet::ProcessorTree& child : tree->children) text += " (" + text_of(child) + ")";
  return text;
}

}  // namespace lc::test
