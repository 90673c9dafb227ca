#include "common/fleet/processor_tree.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "tests/support/trees.h"

using namespace lc;
using namespace lc::fleet;
using lc::test::chain_tree;
using lc::test::hunter;
using lc::test::text_of;
using lc::test::tree;
using lc::test::unreachable;

namespace {

ProcessorTree changed(const ProcessorTree& before, NodePath path, TreeEvent event) {
  auto after = apply_change(before, {.time_ns = 1, .path = std::move(path), .event = std::move(event)});
  if (!after) throw std::runtime_error(after.error().text);
  return *after;
}
Error refused(const ProcessorTree& before, NodePath path, TreeEvent event) {
  const auto after = apply_change(before, {.time_ns = 1, .path = std::move(path), .event = std::move(event)});
  if (after) throw std::runtime_error("it was taken");
  return after.error();
}
HunterPointer shared(const ConnectedHunter& one) {
  return std::make_shared<const ConnectedHunter>(one);
}

/// At most three levels, with few ids, so that two of them have much in common.
ProcessorTree random_tree(std::mt19937_64& random, const std::string& id, int levels) {
  ProcessorNode node{.processor = {.id = id, .version = std::to_string(random() % 3)}};
  for (const std::string name : {"h1", "h2", "h3"}) {
    if (random() % 2 == 0) continue;
    ConnectedHunter one = hunter(name, static_cast<HunterStatus>(random() % 3));
    if (random() % 3 == 0) one.remote_address = "elsewhere";
    node.hunters.push_back(shared(one));
  }
  for (const std::string name : {"a", "b", "c"}) {
    if (levels == 0 || random() % 2 == 0) continue;
    const ProcessorTree child = random_tree(random, name, levels - 1);
    node.children.push_back(random() % 4 == 0 ? unreachable(child) : child);
  }
  return std::make_shared<const ProcessorNode>(node);
}

}  // namespace

TEST_CASE("Each kind of change does to a tree what it says, and leaves the tree before as it was", "[processor_tree]") {
  const ProcessorTree before = tree("root", {"h1"}, {tree("a", {"h2"}, {tree("b")}), tree("c")});
  CHECK(text_of(changed(before, {"a", "b"}, HunterConnected{shared(hunter("h1"))})) == "root h1 (a h2 (b h1)) (c)");
  CHECK(text_of(changed(before, {}, HunterConnected{shared(hunter("h0"))})) == "root h0 h1 (a h2 (b)) (c)");
  CHECK(text_of(changed(before, {"a"}, HunterDisconnected{"h2", "it left"})) == "root h1 (a (b)) (c)");
  CHECK(text_of(changed(before, {"a"}, HunterStatusChanged{"h2", HunterStatus::kHealthy, HunterStatus::kError})) ==
        "root h1 (a h2? (b)) (c)");
  CHECK(text_of(changed(before, {"a"}, ProcessorConnected{tree("aa", {"h"})})) == "root h1 (a h2 (aa h) (b)) (c)");
  CHECK(text_of(changed(before, {}, ProcessorConnected{tree("a")})) == "root h1 (a) (c)");
  CHECK(text_of(changed(before, {}, ProcessorRemoved{"a", "", "it left"})) == "root h1 (c)");
  const ProcessorTree lost = changed(before, {"a"}, ReachabilityChanged{"b", {false, "it broke", 5}});
  CHECK(text_of(lost) == "root h1 (a h2 (b!)) (c)");
  CHECK(find(lost, {"a", "b"})->link == Reachability{false, "it broke", 5});
  CHECK(equal(changed(lost, {"a"}, ReachabilityChanged{"b", {true, "", 6}}), before));
  CHECK(equal(changed(lost, {"a"}, ProcessorConnected{tree("b")}), before));
  CHECK(equal(changed(before, {"a"}, FilterUpdated{}), before));
  Processor facts = before->children[1]->processor;
  facts.status = ProcessorStatus::kWarning;
  CHECK(find(changed(before, {"c"}, ProcessorChanged{facts}), {"c"})->processor == facts);
  CHECK(text_of(before) == "root h1 (a h2 (b)) (c)");
}

TEST_CASE("A change that can't be true of a tree is refused, whatever a peer sends", "[processor_tree]") {
  const ProcessorTree before = tree("root", {"h1"}, {tree("a")});
  CHECK(refused(before, {"a", "x"}, HunterConnected{shared(hunter("h"))}).text ==
        "there is no processor \"x\" at /a/x");
  CHECK(refused(before, {"a"}, HunterDisconnected{"h1", ""}).text == "there is no hunter \"h1\" at /a");
  CHECK(refused(before, {}, HunterStatusChanged{"h2"}).code == Code::kInvalidArgument);
  CHECK(refused(before, {}, HunterConnected{}).code == Code::kInvalidArgument);
  CHECK(refused(before, {}, HunterConnected{shared(hunter("a/b"))}).code == Code::kInvalidArgument);
  CHECK(refused(before, {}, ProcessorRemoved{"b", "", ""}).code == Code::kInvalidArgument);
  CHECK(refused(before, {}, ReachabilityChanged{"b", {}}).code == Code::kInvalidArgument);
  CHECK(refused(before, {"a"}, ProcessorChanged{{.id = "b"}}).code == Code::kInvalidArgument);
  CHECK(refused(before, {}, ProcessorConnected{}).code == Code::kInvalidArgument);
  CHECK(refused(before, {}, ProcessorConnected{tree("not an id")}).code == Code::kInvalidArgument);
  ProcessorNode twice{.processor = {.id = "x"}};
  twice.children = {tree("b"), tree("b")};
  CHECK(refused(before, {}, ProcessorConnected{std::make_shared<const ProcessorNode>(twice)}).text ==
        "processor \"b\" is out of order, or twice");
  twice.children = {nullptr};
  CHECK(refused(before, {}, ProcessorConnected{std::make_shared<const ProcessorNode>(twice)}).code ==
        Code::kInvalidArgument);
  twice.children = {};
  twice.hunters = {shared(hunter("h2")), shared(hunter("h1"))};
  CHECK(refused(before, {}, ProcessorConnected{std::make_shared<const ProcessorNode>(twice)}).code ==
        Code::kInvalidArgument);
  CHECK_NOTHROW(changed(before, {"a"}, ProcessorConnected{chain_tree(kMostLevels - 1)}));
  CHECK(refused(before, {"a"}, ProcessorConnected{chain_tree(kMostLevels)}).code == Code::kFailedPrecondition);
}

TEST_CASE("What lies between two states of a tree makes the one into the other, change by change", "[processor_tree]") {
  const ProcessorTree before = tree("root", {"h1", "h2"}, {tree("a", {"h3"}), tree("b")});
  const ProcessorTree after = tree("root", {"h2"}, {unreachable(tree("a", {"h3", "h4"})), tree("c", {"h5"})});
  std::vector<std::string> steps;
  ProcessorTree at = before;
  for (const TreeChange& change : changes_between(before, after, 9, "it is gone")) {
    CHECK(change.time_ns == 9);
    const auto next = apply_change(at, change);
    REQUIRE(next);
    steps.push_back(text_of(at = *next));
  }
  CHECK(steps == std::vector<std::string>{"root h2 (a h3) (b)", "root h2 (a h3)", "root h2 (a! h3)",
                                          "root h2 (a! h3 h4)", "root h2 (a! h3 h4) (c h5)"});
  CHECK(changes_between(after, after, 9, "").empty());
}

TEST_CASE("The changes between any two trees make the one into the other", "[processor_tree][property]") {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    const ProcessorTree from = random_tree(random, "root", 3);
    const ProcessorTree to = random_tree(random, "root", 3);
    ProcessorTree made = from;
    for (const TreeChange& change : changes_between(from, to, 9, "")) {
      const auto next = apply_change(made, change);
      REQUIRE(next);
      made = *next;
    }
    CHECK(equal(made, to));
    CHECK(text_of(made) == text_of(to));
  }
}

TEST_CASE("Processors are found by path, and by id wherever they are", "[processor_tree]") {
  const ProcessorTree all =
      tree("root", {}, {tree("a", {}, {tree("x")}), unreachable(tree("b", {}, {tree("x")})), tree("x")});
  CHECK(find(all, {})->processor.id == "root");
  CHECK(find(all, {"b", "x"})->processor.id == "x");
  CHECK(find(all, {"a", "b"}) == nullptr);
  const std::vector<Located> found = locate(all, "x");
  REQUIRE(found.size() == 3);
  CHECK(path_text(found[0].path) == "/a/x");
  CHECK(found[0].reachable);
  CHECK(path_text(found[1].path) == "/b/x");
  CHECK_FALSE(found[1].reachable);
  CHECK(path_text(found[2].path) == "/x");
  CHECK(locate(all, "root").at(0).path.empty());
  CHECK(locate(all, "nobody").empty());
  CHECK(path_text({}) == "/");
}

TEST_CASE("A tree's summary is the worst of all in it, and counts what can be reached", "[processor_tree]") {
  const ProcessorTree healthy = tree("root", {"h1"}, {tree("a", {"h2", "h3"}, {tree("b")})});
  CHECK(summary(healthy).status == ProcessorStatus::kHealthy);
  CHECK(summary(healthy).hunters == 3);
  CHECK(summary(healthy).processors == 2);
  CHECK(summary(healthy).unreachable == 0);
  CHECK(height(healthy) == 2);

  const auto with_hunter = [&](HunterStatus status) {
    return summary(changed(healthy, {"a", "b"}, HunterConnected{shared(hunter("h", status))})).status;
  };
  CHECK(with_hunter(HunterStatus::kWarning) == ProcessorStatus::kWarning);
  CHECK(with_hunter(HunterStatus::kError) == ProcessorStatus::kError);
  CHECK(with_hunter(HunterStatus::kStopping) == ProcessorStatus::kHealthy);
  const Processor warns{.id = "b", .status = ProcessorStatus::kWarning};
  CHECK(summary(changed(healthy, {"a", "b"}, ProcessorChanged{warns})).status == ProcessorStatus::kWarning);

  const ProcessorTree lost = changed(healthy, {}, ReachabilityChanged{"a", {false, "it broke", 5}});
  CHECK(summary(lost).status == ProcessorStatus::kError);
  CHECK(summary(lost).hunters == 1);
  CHECK(summary(lost).processors == 0);
  CHECK(summary(lost).unreachable == 2);
  CHECK(height(lost) == 0);
  CHECK(levels(lost) == 2);
  // What is below a broken link shares its fate.
  CHECK(effective(find(lost, {"a"})->link, find(lost, {"a", "b"})->link) == Reachability{false, "it broke", 5});
}
