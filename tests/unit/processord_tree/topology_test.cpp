#include "processord/tree/topology.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/changes.h"
#include "tests/support/topology_events.h"
#include "tests/support/trees.h"
#include "tests/unit/processord_tree/follower.h"

using namespace lc;
using namespace lc::processor;
using lc::test::Changes;
using lc::test::Follower;
using lc::test::hunter;
using lc::test::hunter_connected;
using lc::test::hunter_disconnected;
using lc::test::hunter_status_changed;
using lc::test::self_changed;
using lc::test::text_of;
using lc::test::tree;

namespace {

/// Changes of a child, as the link brings them.
void told(Topology& topology, const fleet::ProcessorTree& child, std::int64_t now_ns = 1) {
  const auto notice = topology.child_told(child, now_ns);
  if (!notice) throw std::runtime_error(notice.error().text);
  notice->tell();
}
void changed(Topology& topology, const std::string& child, fleet::NodePath path, fleet::TreeEvent event) {
  const auto notice = topology.child_changed(child, {.time_ns = 1, .path = std::move(path), .event = std::move(event)});
  if (!notice) throw std::runtime_error(notice.error().text);
  notice->tell();
}

}  // namespace

TEST_CASE("A subscriber gets the tree with its revision, then every change with the next number", "[topology]") {
  Topology topology({.id = "root"}, 10);
  hunter_connected(topology, hunter("h1"), 1);
  Follower follower(topology);
  REQUIRE(follower.read_one());
  CHECK(text_of(follower.tree) == "root h1");
  CHECK(follower.revision == topology.snapshot().revision);
  CHECK_FALSE(follower.read_one());
  CHECK_FALSE(follower.has_next());

  const std::uint64_t before = follower.revision;
  hunter_status_changed(topology, "h1", fleet::HunterStatus::kError, 2);
  CHECK(follower.told == 1);
  hunter_connected(topology, hunter("h2"), 3);
  CHECK(follower.told == 1);  // it has not come since
  CHECK(follower.has_next());
  REQUIRE(follower.read_one());
  CHECK(follower.revision == before + 1);
  CHECK(follower.last->time_ns == 2);
  const auto& status = std::get<fleet::HunterStatusChanged>(follower.last->event);
  CHECK(status.before == fleet::HunterStatus::kHealthy);
  CHECK(status.now == fleet::HunterStatus::kError);
  follower.read_all();
  CHECK(text_of(follower.tree) == "root h1? h2");
  hunter_disconnected(topology, "h1", "its stream broke", 4);
  topology.filter_updated({.type = fleet::FilterUpdateType::kDelete, .filter = {}, .revision = 8, .snapshot = {}}, 5);
  CHECK(follower.told == 2);
  REQUIRE(follower.read_one());
  CHECK(std::get<fleet::HunterDisconnected>(follower.last->event).reason == "its stream broke");
  REQUIRE(follower.read_one());
  CHECK(std::get<fleet::FilterUpdated>(follower.last->event).update.revision == 8);
  CHECK(follower.revision == before + 4);
  CHECK(follower.revision == topology.snapshot().revision);
  CHECK(follower.snapshots == 1);
}

TEST_CASE("What says nothing new is no change", "[topology]") {
  Topology topology({.id = "root"}, 10);
  hunter_connected(topology, hunter("h1"), 1);
  told(topology, tree("a", {"h"}));
  const std::uint64_t before = topology.snapshot().revision;
  hunter_connected(topology, hunter("h1"), 2);
  hunter_status_changed(topology, "h1", fleet::HunterStatus::kHealthy, 2);
  hunter_status_changed(topology, "nobody", fleet::HunterStatus::kError, 2);
  hunter_disconnected(topology, "nobody", "", 2);
  self_changed(topology, {.id = "root"}, 2);
  told(topology, tree("a", {"h"}));
  topology.child_lost("nobody", "", 2).tell();
  topology.child_removed("nobody", "", 2).tell();
  CHECK(topology.snapshot().revision == before);
}

TEST_CASE("A child's changes are the parent's, one level further down", "[topology]") {
  Topology topology({.id = "root"}, 10);
  Follower follower(topology);
  follower.read_all();
  told(topology, tree("a", {"h1"}, {tree("b")}));
  REQUIRE(follower.read_one());
  CHECK(text_of(std::get<fleet::ProcessorConnected>(follower.last->event).node) == "a h1 (b)");
  changed(topology, "a", {"b"}, fleet::HunterConnected{std::make_shared<const fleet::ConnectedHunter>(hunter("h2"))});
  REQUIRE(follower.read_one());
  CHECK(follower.last->path == fleet::NodePath{"a", "b"});
  changed(topology, "a", {}, fleet::HunterDisconnected{"h1", "it left"});
  changed(topology, "a", {}, fleet::FilterUpdated{});
  follower.read_all();
  CHECK(follower.last->path == fleet::NodePath{"a"});
  CHECK(text_of(follower.tree) == "root (a (b h2))");
  CHECK(text_of(topology.snapshot().tree) == "root (a (b h2))");
}

TEST_CASE("A child that breaks off stays with reason and time, and its return tells only what has changed meanwhile",
          "[topology]") {
  Topology topology({.id = "root"}, 10);
  Follower follower(topology);
  told(topology, tree("a", {"h1", "h2"}, {tree("b"), tree("c")}));
  topology.child_lost("a", "the connection broke", 5).tell();
  follower.read_all();
  CHECK(text_of(follower.tree) == "root (a! h1 h2 (b) (c))");
  CHECK(follower.tree->children[0]->link == fleet::Reachability{false, "the connection broke", 5});
  const std::uint64_t before = topology.snapshot().revision;
  topology.child_lost("a", "once more", 6).tell();
  CHECK(topology.snapshot().revision == before);

  told(topology, tree("a", {"h2", "h3"}, {tree("b"), tree("d")}), 7);
  std::vector<std::string> steps;
  while (follower.read_one()) steps.push_back(text_of(follower.tree));
  CHECK(steps == std::vector<std::string>{"root (a h1 h2 (b) (c))", "root (a h2 (b) (c))", "root (a h2 h3 (b) (c))",
                                          "root (a h2 h3 (b))", "root (a h2 h3 (b) (d))"});
  CHECK(follower.last->time_ns == 7);
  CHECK(follower.snapshots == 1);

  topology.child_removed("a", "it left", 8).tell();
  follower.read_all();
  const auto& removed = std::get<fleet::ProcessorRemoved>(follower.last->event);
  CHECK(removed.address == "a:55555");
  CHECK(removed.reason == "it left");
  CHECK(text_of(follower.tree) == "root");
}

TEST_CASE("A subscriber that is too slow gets a snapshot in place of what it missed, and nobody else does",
          "[topology]") {
  constexpr std::size_t kRemembered = 10;
  Topology topology({.id = "root"}, 10, kRemembered);
  Follower quick(topology);
  Follower slow(topology);
  quick.read_all();
  slow.read_all();
  for (std::size_t i = 0; i < kRemembered; ++i) {
    hunter_connected(topology, hunter("h" + std::to_string(i)), 1);
    quick.read_all();
  }
  SECTION("as many as are remembered are told one by one") {
    slow.read_all();
    CHECK(slow.snapshots == 1);
    CHECK(slow.updates == 1 + static_cast<int>(kRemembered));
  }
  SECTION("one more is not") {
    hunter_connected(topology, hunter("more"), 1);
    slow.read_all();
    CHECK(slow.snapshots == 2);
    CHECK(slow.updates == 2);
  }
  quick.read_all();
  CHECK(quick.snapshots == 1);
  CHECK(fleet::equal(quick.tree, slow.tree));
  CHECK(quick.revision == slow.revision);
  CHECK(slow.told == 1);
}

TEST_CASE("A subscriber of one processor hears nothing of what is below, and sees no gap", "[topology]") {
  Topology topology({.id = "root"}, 10, 10);
  hunter_connected(topology, hunter("h1"), 1);
  told(topology, tree("a"));
  Follower own(topology, false);
  own.read_all();
  CHECK(text_of(own.tree) == "root h1");
  changed(topology, "a", {}, fleet::HunterConnected{std::make_shared<const fleet::ConnectedHunter>(hunter("h"))});
  topology.child_lost("a", "it broke", 1).tell();
  hunter_connected(topology, hunter("h2"), 1);
  topology.child_removed("a", "it left", 1).tell();
  self_changed(topology, {.id = "root", .status = fleet::ProcessorStatus::kWarning}, 1);
  own.read_all();  // which throws at a gap
  CHECK(text_of(own.tree) == "root h1 h2");
  CHECK(own.tree->processor.status == fleet::ProcessorStatus::kWarning);
  CHECK(own.updates == 3);
  for (int i = 0; i < 20; ++i) topology.filter_updated({}, 1);
  told(topology, tree("b"));
  own.read_all();
  CHECK(own.snapshots == 2);
  CHECK(text_of(own.tree) == "root h1 h2");
}

TEST_CASE("There are as many consoles as there may be, the parent is none of them, and none come after the end",
          "[topology]") {
  Topology topology({.id = "root"}, 1);
  const auto peer = [](bool console) {
    return TopologySubscription::Peer{.console = console, .ready = [] {}, .closed = [](const Error&) {}};
  };
  {
    Follower follower(topology);
    CHECK(topology.subscribe(peer(false)));
    const auto second = topology.subscribe(peer(true));
    REQUIRE_FALSE(second);
    CHECK(second.error().code == Code::kResourceExhausted);
    CHECK(second.error().text == "maximum number of subscribers of the topology reached: limit 1");
    topology.close_all({Code::kUnavailable, "stopping"});
    REQUIRE(follower.closed.size() == 1);
    CHECK(follower.closed[0].text == "stopping");
  }
  const auto late = topology.subscribe(peer(true));
  REQUIRE_FALSE(late);
  CHECK(late.error().code == Code::kUnavailable);
}

TEST_CASE("Subscribers on other threads end with the tree, whoever changes it meanwhile", "[topology][threads]") {
  Topology topology({.id = "root"}, 10, 50);
  Changes changes;
  std::atomic<bool> over{false};
  const auto follow = [&](int reads) {
    bool due = true;  // under the lock of changes
    TopologySubscription::Peer peer{.ready = [&] { changes.change([&] { due = true; }); },
                                    .closed = [](const Error&) {}};
    const auto subscription = *topology.subscribe(peer);
    fleet::ProcessorTree tree;
    std::uint64_t revision = 0;
    bool correct = true;
    for (;;) {
      const bool last = over;
      if (!changes.wait([&] { return std::exchange(due, false) || over; })) break;
      for (int i = 0; last || i < reads; ++i) {
        const auto update = topology.next(*subscription);
        if (!update) break;
        if (update->snapshot) {
          tree = update->snapshot;
        } else {
          correct = correct && update->revision == revision + 1;
          tree = *fleet::apply_change(tree, *update->change);
        }
        revision = update->revision;
      }
      if (last) break;
      if (topology.has_next(*subscription)) changes.change([&] { due = true; });
    }
    topology.unsubscribe(subscription);
    return correct && fleet::equal(tree, topology.snapshot().tree);
  };
  std::atomic<int> right{0};
  std::vector<std::jthread> readers;
  for (const int reads : {1, 100, 1'000'000}) {
    readers.emplace_back([&, reads] { right += follow(reads); });
  }
  {
    std::vector<std::jthread> writers;
    writers.emplace_back([&] {
      for (int i = 0; i < 3'000; ++i) {
        const std::string id = "h" + std::to_string(i % 7);
        i % 3 == 0 ? hunter_disconnected(topology, id, "", i) : hunter_connected(topology, hunter(id), i);
      }
    });
    writers.emplace_back([&] {
      for (int i = 0; i < 1'000; ++i) {
        told(topology, i % 2 == 0 ? tree("a", {"h"}) : tree("a", {}, {tree("b")}));
        if (i % 5 == 0) topology.child_lost("a", "it broke", i).tell();
        if (i % 11 == 0) topology.child_removed("a", "it left", i).tell();
      }
    });
  }
  changes.change([&] { over = true; });
  readers.clear();
  CHECK(right == 3);
}

TEST_CASE("A child's change that can't be true is refused and changes nothing", "[topology]") {
  Topology topology({.id = "root"}, 10);
  told(topology, tree("a"));
  const Topology::Snapshot before = topology.snapshot();
  const auto unknown = topology.child_changed("b", {.time_ns = 1, .path = {}, .event = fleet::FilterUpdated{}});
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code == Code::kInvalidArgument);
  CHECK_FALSE(topology.child_told(tree("not an id"), 1));
  CHECK(topology.snapshot().revision == before.revision);
  CHECK(topology.snapshot().tree == before.tree);
}
