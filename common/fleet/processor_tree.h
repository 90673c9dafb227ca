// Processors and hunters as a tree, and how it changes: what a processor knows of everything below it, what it tells
// its parent, and what consoles keep.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/result.h"
#include "common/fleet/hunter.h"

namespace lc::fleet {

/// Levels below the root that there may be (ProcessorNode.hierarchy_depth).
inline constexpr std::size_t kMaxDepth = 10;
/// And that a tree is taken with: more, as processors are remembered that are not linked any more, and what has moved
/// takes a moment to find its new depth.
inline constexpr std::size_t kMostLevels = 2 * kMaxDepth;

/// lippycat.management.NodeType, same numbers.
enum class NodeType : int { kProcessor = 0, kTap = 1 };

/// A hunter that is connected. Its figures (HunterStats) are no part of the tree: they change all the time.
struct ConnectedHunter {
  HunterDescription description;
  std::string remote_address;
  HunterStatus status = HunterStatus::kHealthy;
  std::int64_t connected_since_ns = 0;  // by its processor's clock

  bool operator==(const ConnectedHunter&) const = default;
};
using HunterPointer = std::shared_ptr<const ConnectedHunter>;

/// What a processor says of itself.
struct Processor {
  std::string id;
  std::string address = {};  // host:port where it serves
  NodeType type = NodeType::kProcessor;
  std::vector<std::string> interfaces = {};  // of a node that captures by itself
  ProcessorStatus status = ProcessorStatus::kHealthy;
  std::string version = {};
  std::string upstream = {};       // host:port it forwards to; empty: it is the root
  std::string status_reason = {};  // why it is not healthy, for people

  bool operator==(const Processor&) const = default;
};

/// Of the link from a processor to its parent, as the parent sees it.
struct Reachability {
  bool reachable = true;
  std::string reason = {};    // when it is not: why
  std::int64_t since_ns = 0;  // when it is not: since when, by the parent's clock

  bool operator==(const Reachability&) const = default;
};
/// What is below a broken link shares its fate, whatever it last said itself.
inline const Reachability& effective(const Reachability& above, const Reachability& own) {
  return above.reachable ? own : above;
}

struct ProcessorNode;
/// A tree, never changed: a change makes a new one that shares all of the old that it does not concern.
using ProcessorTree = std::shared_ptr<const ProcessorNode>;

/// lippycat.management.ProcessorNode. Hunters and children are in order of their ids, which are unique among them.
struct ProcessorNode {
  Processor processor;
  Reachability link = {};
  std::vector<HunterPointer> hunters = {};
  std::vector<ProcessorTree> children = {};
};

/// By contents.
bool equal(const ProcessorTree& a, const ProcessorTree& b);

/// Names a processor: the ids from a child of the processor that is asked down to it; empty: the one asked.
using NodePath = std::vector<std::string>;
/// "/east/proc-b"; "/" is the processor that is asked.
std::string path_text(const NodePath& path);

// What happens to a tree, at the processor of TreeChange::path.
struct HunterConnected {
  HunterPointer hunter;  // in place of the one with its id, if there was one
};
struct HunterDisconnected {
  std::string id;
  std::string reason;
};
struct HunterStatusChanged {
  std::string id;
  HunterStatus before = HunterStatus::kHealthy;
  HunterStatus now = HunterStatus::kHealthy;
};
/// Something that it says of itself; its id never changes.
struct ProcessorChanged {
  Processor processor;
};
/// A child with all that is below it, reachable.
struct ProcessorConnected {
  ProcessorTree node;
};
/// A child is no longer part of the tree, with all that was below it.
struct ProcessorRemoved {
  std::string id;
  std::string address;
  std::string reason;
};
/// A child's link broke, or stands again.
struct ReachabilityChanged {
  std::string id;
  Reachability link;
};
/// An event only: filters are no part of the tree.
struct FilterUpdated {
  FilterUpdate update;
};

using TreeEvent = std::variant<HunterConnected, HunterDisconnected, HunterStatusChanged, ProcessorChanged,
                               ProcessorConnected, ProcessorRemoved, ReachabilityChanged, FilterUpdated>;

/// lippycat.management.TopologyUpdate, but for its number, which depends on who tells it.
struct TreeChange {
  std::int64_t time_ns = 0;  // by the clock of the processor where it happened
  NodePath path;             // to that processor, from the one that tells it
  TreeEvent event;
};
using TreeChangePointer = std::shared_ptr<const TreeChange>;

/// What a subscriber is told next: the whole tree, in place of what it had, or one change of it.
struct TopologyUpdate {
  /// Of the tree with it; grows by one from each update to the next, but for snapshots, which may skip some.
  std::uint64_t revision = 0;
  ProcessorTree snapshot = nullptr;  // this or
  TreeChangePointer change = nullptr;
};

/// The tree after the change. kInvalidArgument: there is no such processor, child or hunter in it, or what the change
/// brings is no tree (ids well-formed as by check_id, and in order). kFailedPrecondition: it would have more
/// than kMostLevels below its top.
Result<ProcessorTree> apply_change(const ProcessorTree& tree, const TreeChange& change);

/// Changes that make `before` into `after`, two states of the same processor, whose own links are not looked at. What
/// has gone has gone for `reason`.
std::vector<TreeChange> changes_between(const ProcessorTree& before, const ProcessorTree& after, std::int64_t time_ns,
                                        const std::string& reason);

/// Null: there is none.
ProcessorTree find(const ProcessorTree& tree, const NodePath& path);
/// Whether there is one, and no link on the way to it is broken.
bool reaches(const ProcessorTree& tree, const NodePath& path);

struct Located {
  NodePath path;
  bool reachable = true;
};
/// Every processor with this id, the tree's top included.
std::vector<Located> locate(const ProcessorTree& tree, std::string_view id);

/// How many levels there are below it; 0: none.
std::size_t levels(const ProcessorTree& tree);
/// Of these, those that can be reached.
std::size_t height(const ProcessorTree& tree);

struct TreeSummary {
  /// The worst of its own status, of its hunters' (WARNING, ERROR; a hunter that says goodbye is healthy), and of
  /// everything below; a processor that can't be reached is an ERROR, whatever it said last.
  ProcessorStatus status = ProcessorStatus::kHealthy;
  std::size_t hunters = 0;      // its own and those below that can be reached
  std::size_t processors = 0;   // below, reachable
  std::size_t unreachable = 0;  // processors below
};
TreeSummary summary(const ProcessorTree& tree);

}  // namespace lc::fleet
