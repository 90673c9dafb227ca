#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/unit/processord_tree/world.h"

using namespace lc;
using namespace lc::processor;
using lc::test::Link;
using lc::test::Process;
using lc::test::World;

namespace {

/// Processors with a hunter each, every one attached to an earlier one, at most ten levels.
struct LargeTree {
  explicit LargeTree(std::size_t count) : random(7) {
    for (std::size_t i = 0; i < count; ++i) {
      Process& process = world.add("p" + std::to_string(i), 256);
      process.connect_hunter("h", 1);
      std::size_t above = i == 0 ? 0 : random() % i;
      while (i > 0 && depth[above] == fleet::kMaxDepth) above = random() % i;
      parent.push_back(above);
      depth.push_back(i == 0 ? 0 : depth[above] + 1);
    }
  }
  Process& at(std::size_t index) { return *world.processes[index]; }
  /// Of the ids from the root on.
  fleet::NodePath path(std::size_t index) {
    fleet::NodePath path;
    for (; index != 0; index = parent[index]) path.push_back(at(index).identity.id);
    std::ranges::reverse(path);
    return path;
  }
  fleet::ProcessorTree expected() {
    std::vector<std::map<std::string, fleet::ProcessorTree>> children(parent.size());
    fleet::ProcessorTree made;
    for (std::size_t i = parent.size(); i-- > 0;) {
      fleet::ProcessorNode node{.processor = at(i).facts};
      for (const auto& [id, hunter] : at(i).hunters) {
        node.hunters.push_back(std::make_shared<const fleet::ConnectedHunter>(hunter));
      }
      for (auto& [id, child] : children[i]) node.children.push_back(std::move(child));
      made = std::make_shared<const fleet::ProcessorNode>(std::move(node));
      if (i > 0) children[parent[i]].emplace(at(i).identity.id, made);
    }
    return made;
  }

  World world;
  std::mt19937_64 random;
  std::vector<std::size_t> parent;  // by index
  std::vector<std::size_t> depth;
};

}  // namespace

TEST_CASE("A tree of 10,000 processors is known at its root, loses a part and has it again, and is reached everywhere",
          "[processor_tree]") {
  constexpr std::size_t kCount = 10'000;
  LargeTree tree(kCount);
  Process& root = tree.at(0);
  root.quick.read_all();
  std::vector<std::size_t> order;
  for (std::size_t i = 1; i < kCount; ++i) order.push_back(i);
  std::shuffle(order.begin(), order.end(), tree.random);
  // All at once: whoever is attached before those above it moves down with the whole of what is below it.
  std::map<std::size_t, Link*> links;
  for (const std::size_t i : order) links[i] = &tree.world.open(tree.at(i), tree.at(tree.parent[i]));
  tree.world.settle();
  REQUIRE(fleet::equal(root.topology.snapshot().tree, tree.expected()));
  const fleet::TreeSummary sum = fleet::summary(root.topology.snapshot().tree);
  CHECK(sum.processors == kCount - 1);
  CHECK(sum.hunters == kCount);
  CHECK(fleet::height(root.topology.snapshot().tree) == fleet::kMaxDepth);
  root.quick.read_all();
  CHECK(fleet::equal(root.quick.tree, root.topology.snapshot().tree));

  // The largest part below the root.
  std::size_t largest = 0;
  std::size_t most = 0;
  for (const fleet::ProcessorTree& child : root.topology.snapshot().tree->children) {
    if (const std::size_t size = fleet::summary(child).processors; size >= most) {
      most = size;
      largest = std::stoul(child->processor.id.substr(1));
    }
  }
  REQUIRE(most > 1'000);
  tree.world.cut(*links[largest]);
  tree.world.settle();
  CHECK(fleet::summary(root.topology.snapshot().tree).unreachable == most + 1);
  CHECK(fleet::summary(root.topology.snapshot().tree).status == fleet::ProcessorStatus::kError);
  for (std::size_t i = 1; i < kCount; i += 50) tree.at(i).connect_hunter("new", 2);
  tree.world.open(tree.at(largest), root);
  tree.world.settle();
  CHECK(fleet::equal(root.topology.snapshot().tree, tree.expected()));
  root.quick.read_all();
  root.slow.read_all();
  CHECK(fleet::equal(root.quick.tree, tree.expected()));
  CHECK(fleet::equal(root.slow.tree, tree.expected()));
  CHECK(root.slow.updates == 1);

  std::size_t answers = 0;
  for (std::size_t i = 1; i < kCount; i += 100) {
    const std::string& id = tree.at(i).identity.id;
    const auto path = root.hierarchy.resolve(id);
    REQUIRE(path);
    REQUIRE(*path == tree.path(i));
    root.hierarchy.operate(*path, 1, "for " + id, lc::test::kNoHurry,
                           [&](const OperationOutcome& outcome) { answers += outcome.code == Code::kOk; });
  }
  tree.at(kCount - 1).announce("here");
  tree.world.settle();
  for (std::size_t i = 1; i < kCount; i += 100) {
    CHECK(tree.at(i).operated == std::vector<std::string>{"for " + tree.at(i).identity.id});
  }
  CHECK(answers == kCount / 100);
  const auto heard = std::ranges::count_if(tree.world.processes, [](const auto& process) {
    return process->media_heard == std::vector<std::string>{"here"};
  });
  CHECK(heard == static_cast<std::ptrdiff_t>(kCount - 1));
}
