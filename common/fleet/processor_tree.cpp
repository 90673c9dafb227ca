#include "common/fleet/processor_tree.h"

#include <algorithm>
#include <utility>

#include "common/base/text.h"

namespace lc::fleet {
namespace {

const std::string& id_of(const HunterPointer& hunter) {
  return hunter->description.id;
}
const std::string& id_of(const ProcessorTree& node) {
  return node->processor.id;
}

template <typename Vector>
auto place_of(Vector& nodes, std::string_view id) {
  return std::ranges::lower_bound(nodes, id, {}, [](const auto& node) -> std::string_view { return id_of(node); });
}
template <typename Vector>
auto find_in(Vector& nodes, std::string_view id) {
  const auto at = place_of(nodes, id);
  return at != nodes.end() && id_of(*at) == id ? at : nodes.end();
}
template <typename Pointer>
void put(std::vector<Pointer>& nodes, Pointer node) {
  const auto at = place_of(nodes, id_of(node));
  if (at != nodes.end() && id_of(*at) == id_of(node)) {
    *at = std::move(node);
  } else {
    nodes.insert(at, std::move(node));
  }
}

bool same_hunter(const HunterPointer& a, const HunterPointer& b) {
  return a == b || *a == *b;
}

Error no_such(std::string_view what, const std::string& id, const TreeChange& change) {
  return {Code::kInvalidArgument, "there is no " + std::string(what) + " \"" + id + "\" at " + path_text(change.path)};
}

Status check_below(const ProcessorTree& tree, std::size_t level) {
  if (!tree) return Error{Code::kInvalidArgument, "a processor is missing"};
  if (level > kMostLevels) {
    return Error{Code::kFailedPrecondition, "hierarchy depth limit exceeded (max: " + std::to_string(kMaxDepth) + ")"};
  }
  if (const Status valid = check_id("processor id", tree->processor.id); !valid) return valid;
  for (std::size_t i = 0; i < tree->hunters.size(); ++i) {
    const HunterPointer& hunter = tree->hunters[i];
    if (!hunter) return Error{Code::kInvalidArgument, "a hunter is missing"};
    if (const Status valid = check_id("hunter id", id_of(hunter)); !valid) return valid;
    if (i > 0 && id_of(tree->hunters[i - 1]) >= id_of(hunter)) {
      return Error{Code::kInvalidArgument, "hunter \"" + id_of(hunter) + "\" is out of order, or twice"};
    }
  }
  for (std::size_t i = 0; i < tree->children.size(); ++i) {
    const ProcessorTree& child = tree->children[i];
    if (const Status valid = check_below(child, level + 1); !valid) return valid;
    if (i > 0 && id_of(tree->children[i - 1]) >= id_of(child)) {
      return Error{Code::kInvalidArgument, "processor \"" + id_of(child) + "\" is out of order, or twice"};
    }
  }
  return {};
}

/// What an event does to the processor where it happened.
class Happening {
 public:
  Happening(const TreeChange& change, ProcessorNode& node) : change_(change), node_(node) {}

  Status operator()(const HunterConnected& event) const {
    if (!event.hunter) return Error{Code::kInvalidArgument, "a hunter is missing"};
    if (const Status valid = check_id("hunter id", id_of(event.hunter)); !valid) return valid;
    put(node_.hunters, event.hunter);
    return {};
  }
  Status operator()(const HunterDisconnected& event) const {
    const auto at = find_in(node_.hunters, event.id);
    if (at == node_.hunters.end()) return no_such("hunter", event.id, change_);
    node_.hunters.erase(at);
    return {};
  }
  Status operator()(const HunterStatusChanged& event) const {
    const auto at = find_in(node_.hunters, event.id);
    if (at == node_.hunters.end()) return no_such("hunter", event.id, change_);
    ConnectedHunter hunter = **at;
    hunter.status = event.now;
    *at = std::make_shared<const ConnectedHunter>(std::move(hunter));
    return {};
  }
  Status operator()(const ProcessorChanged& event) const {
    if (event.processor.id != node_.processor.id) {
      return Error{Code::kInvalidArgument,
                   "processor \"" + node_.processor.id + "\" can't become \"" + event.processor.id + "\""};
    }
    node_.processor = event.processor;
    return {};
  }
  Status operator()(const ProcessorConnected& event) const {
    if (const Status valid = check_below(event.node, change_.path.size() + 1); !valid) return valid;
    put(node_.children, with_link(event.node, {}));
    return {};
  }
  Status operator()(const ProcessorRemoved& event) const {
    const auto at = find_in(node_.children, event.id);
    if (at == node_.children.end()) return no_such("processor", event.id, change_);
    node_.children.erase(at);
    return {};
  }
  Status operator()(const ReachabilityChanged& event) const {
    const auto at = find_in(node_.children, event.id);
    if (at == node_.children.end()) return no_such("processor", event.id, change_);
    *at = with_link(*at, event.link.reachable ? Reachability{} : event.link);
    return {};
  }
  Status operator()(const FilterUpdated&) const { return {}; }

 private:
  static ProcessorTree with_link(const ProcessorTree& tree, Reachability link) {
    if (tree->link == link) return tree;
    ProcessorNode node = *tree;
    node.link = std::move(link);
    return std::make_shared<const ProcessorNode>(std::move(node));
  }

  const TreeChange& change_;
  ProcessorNode& node_;
};

/// `level`: of `tree`, counted along the change's path.
Result<ProcessorTree> apply_below(const ProcessorTree& tree, const TreeChange& change, std::size_t level) {
  ProcessorNode node = *tree;
  if (level == change.path.size()) {
    if (const Status done = std::visit(Happening(change, node), change.event); !done) return done.error();
  } else {
    const auto child = find_in(node.children, change.path[level]);
    if (child == node.children.end()) return no_such("processor", change.path[level], change);
    const Result<ProcessorTree> changed = apply_below(*child, change, level + 1);
    if (!changed) return changed;
    *child = *changed;
  }
  return ProcessorTree(std::make_shared<const ProcessorNode>(std::move(node)));
}

/// Collects what makes one tree into another.
class Comparison {
 public:
  Comparison(std::int64_t time_ns, const std::string& reason) : time_ns_(time_ns), reason_(reason) {}

  void compare(const ProcessorTree& before, const ProcessorTree& after) {
    if (before == after) return;
    if (before->processor != after->processor) note(ProcessorChanged{after->processor});
    for (const HunterPointer& hunter : before->hunters) {
      if (find_in(after->hunters, id_of(hunter)) == after->hunters.end()) {
        note(HunterDisconnected{id_of(hunter), reason_});
      }
    }
    for (const HunterPointer& hunter : after->hunters) {
      const auto old = find_in(before->hunters, id_of(hunter));
      if (old == before->hunters.end()) {
        note(HunterConnected{hunter});
      } else if (!same_hunter(*old, hunter)) {
        compare(**old, hunter);
      }
    }
    for (const ProcessorTree& child : before->children) {
      if (find_in(after->children, id_of(child)) == after->children.end()) {
        note(ProcessorRemoved{id_of(child), child->processor.address, reason_});
      }
    }
    for (const ProcessorTree& child : after->children) {
      const auto old = find_in(before->children, id_of(child));
      if (old == before->children.end()) {
        note(ProcessorConnected{child});
        if (!child->link.reachable) note(ReachabilityChanged{id_of(child), child->link});
        continue;
      }
      if ((*old)->link != child->link) note(ReachabilityChanged{id_of(child), child->link});
      path_.push_back(id_of(child));
      compare(*old, child);
      path_.pop_back();
    }
  }

  std::vector<TreeChange> changes;

 private:
  void compare(const ConnectedHunter& before, const HunterPointer& after) {
    ConnectedHunter with_status = before;
    with_status.status = after->status;
    if (with_status == *after) {
      note(HunterStatusChanged{id_of(after), before.status, after->status});
    } else {
      note(HunterConnected{after});
    }
  }
  template <typename Event>
  void note(Event event) {
    changes.push_back({.time_ns = time_ns_, .path = path_, .event = std::move(event)});
  }

  const std::int64_t time_ns_;
  const std::string& reason_;
  NodePath path_;
};

void locate_below(const ProcessorTree& tree, std::string_view id, bool reachable, NodePath& path,
                  std::vector<Located>& found) {
  if (tree->processor.id == id) found.push_back({.path = path, .reachable = reachable});
  for (const ProcessorTree& child : tree->children) {
    path.push_back(id_of(child));
    locate_below(child, id, reachable && child->link.reachable, path, found);
    path.pop_back();
  }
}

void add_to(TreeSummary& sum, const ProcessorNode& node, bool reachable) {
  const auto worsen = [&](ProcessorStatus status) { sum.status = std::max(sum.status, status); };
  if (reachable) {
    worsen(node.processor.status);
    sum.hunters += node.hunters.size();
    for (const HunterPointer& hunter : node.hunters) {
      if (hunter->status == HunterStatus::kWarning) worsen(ProcessorStatus::kWarning);
      if (hunter->status == HunterStatus::kError) worsen(ProcessorStatus::kError);
    }
  } else {
    worsen(ProcessorStatus::kError);
  }
  for (const ProcessorTree& child : node.children) {
    const bool child_reachable = reachable && child->link.reachable;
    ++(child_reachable ? sum.processors : sum.unreachable);
    add_to(sum, *child, child_reachable);
  }
}

}  // namespace

bool equal(const ProcessorTree& a, const ProcessorTree& b) {
  return a == b || (a->processor == b->processor && a->link == b->link &&
                    std::ranges::equal(a->hunters, b->hunters, same_hunter) &&
                    std::ranges::equal(a->children, b->children, equal));
}

std::string path_text(const NodePath& path) {
  if (path.empty()) return "/";
  std::string text;
  for (const std::string& id : path) text += "/" + id;
  return text;
}

Result<ProcessorTree> apply_change(const ProcessorTree& tree, const TreeChange& change) {
  return apply_below(tree, change, 0);
}

std::vector<TreeChange> changes_between(const ProcessorTree& before, const ProcessorTree& after, std::int64_t time_ns,
                                        const std::string& reason) {
  Comparison comparison(time_ns, reason);
  comparison.compare(before, after);
  return std::move(comparison.changes);
}

ProcessorTree find(const ProcessorTree& tree, const NodePath& path) {
  ProcessorTree node = tree;
  for (const std::string& id : path) {
    const auto child = find_in(node->children, id);
    if (child == node->children.end()) return nullptr;
    node = *child;
  }
  return node;
}

bool reaches(const ProcessorTree& tree, const NodePath& path) {
  ProcessorTree node = tree;
  for (const std::string& id : path) {
    const auto child = find_in(node->children, id);
    if (child == node->children.end() || !(*child)->link.reachable) return false;
    node = *child;
  }
  return true;
}

std::vector<Located> locate(const ProcessorTree& tree, std::string_view id) {
  std::vector<Located> found;
  NodePath path;
  locate_below(tree, id, true, path, found);
  return found;
}

std::size_t levels(const ProcessorTree& tree) {
  std::size_t most = 0;
  for (const ProcessorTree& child : tree->children) most = std::max(most, levels(child) + 1);
  return most;
}

std::size_t height(const ProcessorTree& tree) {
  std::size_t highest = 0;
  for (const ProcessorTree& child : tree->children) {
    if (child->link.reachable) highest = std::max(highest, height(child) + 1);
  }
  return highest;
}

TreeSummary summary(const ProcessorTree& tree) {
  TreeSummary sum;
  add_to(sum, *tree, true);
  return sum;
}

}  // namespace lc::fleet
