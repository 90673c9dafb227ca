#include <catch2/catch.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "processord/tree/hierarchy.h"
#include "tests/support/changes.h"
#include "tests/support/topology_events.h"
#include "tests/support/trees.h"

using namespace lc;
using namespace lc::processor;
using lc::test::Changes;
using lc::test::hunter;
using lc::test::hunter_connected;
using lc::test::hunter_disconnected;
using lc::test::text_of;

namespace {

struct Node final : Hierarchy::Host {
  Node(const std::string& id, std::uint64_t instance)
      : topology({.id = id}, 10), hierarchy({id, instance}, topology, *this, time) {}

  Status check(std::uint32_t, const std::string&, const fleet::NodePath&) override { return {}; }
  void operate(std::uint32_t, const std::string& payload, std::chrono::milliseconds, Hierarchy::Done done) override {
    done({.payload = payload});
  }
  bool media(const std::string& payload) override {
    bool news = false;
    changes.change([&] { news = known.insert(payload).second; });
    return news;
  }
  std::vector<std::string> known_media() override {
    return changes.look([&] { return std::vector<std::string>(known.begin(), known.end()); });
  }

  TimeSource time;
  Changes changes;
  std::set<std::string> known;  // under the lock of changes
  Topology topology;
  Hierarchy hierarchy;
};

/// A stream with a thread for each direction, which sleeps until there is something to send.
class Wire {
 public:
  Wire(Node& child, Node& parent) : child_(child), parent_(parent) {
    parent_end_ = parent.hierarchy.child_opened({.address = "", .ready = signal(&State::down_due)});
    child_end_ = child.hierarchy.parent_opened({.address = "", .ready = signal(&State::up_due)});
    up_ = std::jthread([this] { run(child_, *child_end_, parent_, *parent_end_, &State::up_due); });
    down_ = std::jthread([this] { run(parent_, *parent_end_, child_, *child_end_, &State::down_due); });
  }
  ~Wire() {
    state_->changes.change([&] { state_->over = true; });
    up_.join();
    down_.join();
    child_.hierarchy.broken(*child_end_, "it broke");
    parent_.hierarchy.broken(*parent_end_, "it broke");
  }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

 private:
  /// Outlives the wire as long as somebody is about to tell it something.
  struct State {
    Changes changes;
    bool up_due = true;
    bool down_due = true;
    bool over = false;
  };

  std::function<void()> signal(bool State::*due) {
    return [state = state_, due] { state->changes.change([&] { (*state).*due = true; }); };
  }
  template <typename From, typename To>
  void run(Node& from, From& from_end, Node& to, To& to_end, bool State::*due) {
    State& state = *state_;
    while (state.changes.wait([&] { return state.*due || state.over; })) {
      if (state.changes.look([&] { return state.over; })) return;
      state.changes.change([&] { state.*due = false; });
      do {
        while (auto message = from.hierarchy.next(from_end)) to.hierarchy.received(to_end, std::move(*message));
      } while (from.hierarchy.has_next(from_end));
    }
  }

  Node& child_;
  Node& parent_;
  const std::shared_ptr<State> state_ = std::make_shared<State>();
  std::shared_ptr<ParentEnd> parent_end_;
  std::shared_ptr<ChildEnd> child_end_;
  std::jthread up_;
  std::jthread down_;
};

}  // namespace

TEST_CASE("Links, hunters, operations and subscribers on threads of their own leave one tree", "[hierarchy][threads]") {
  Node root("root", 1);
  Node middle("middle", 2);
  Node leaf("leaf", 3);
  Changes changes;
  constexpr int kOperations = 300;
  int outcomes = 0;
  const auto upper = std::make_unique<Wire>(middle, root);
  {
    std::vector<std::jthread> threads;
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) hunter_connected(leaf.topology, hunter("h" + std::to_string(i % 50)), i);
    });
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        hunter_connected(middle.topology, hunter("h" + std::to_string(i % 9)), i);
        hunter_disconnected(middle.topology, "h" + std::to_string(i % 5), "it left", i);
      }
    });
    threads.emplace_back([&] {
      for (int i = 0; i < kOperations; ++i) {
        root.hierarchy.operate({"middle", "leaf"}, 1, "work", std::chrono::hours(1),
                               [&](const OperationOutcome&) { changes.change([&] { ++outcomes; }); });
        root.hierarchy.tick();
      }
    });
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        Wire comes_and_goes(leaf, middle);
        leaf.media("there " + std::to_string(i));
        leaf.hierarchy.announce("there " + std::to_string(i));
      }
    });
  }
  Wire lower(leaf, middle);
  REQUIRE(changes.wait([&] { return outcomes == kOperations; }));
  CHECK(root.changes.wait([&] { return root.known.size() == 20; }));

  // The last hunter comes when all else has come.
  bool there = false;
  const auto subscription =
      root.topology.subscribe({.ready = [&] { changes.change([&] { there = true; }); }, .closed = [](const Error&) {}});
  REQUIRE(subscription);
  hunter_connected(leaf.topology, hunter("last"), 1);
  fleet::ProcessorTree seen;
  const auto has_last = [&] {
    const auto at = fleet::find(seen, {"middle", "leaf"});
    return at && at->link.reachable && at->hunters.back()->description.id == "last";
  };
  do {
    while (const auto update = root.topology.next(**subscription)) {
      seen = update->snapshot ? update->snapshot : *fleet::apply_change(seen, *update->change);
    }
  } while (!has_last() && changes.wait([&] { return std::exchange(there, false); }));
  root.topology.unsubscribe(*subscription);
  CHECK(has_last());
  CHECK(fleet::equal(seen, root.topology.snapshot().tree));
  CHECK(text_of(fleet::find(seen, {"middle"})) == text_of(middle.topology.snapshot().tree));
  CHECK(text_of(fleet::find(seen, {"middle", "leaf"})) == text_of(leaf.topology.snapshot().tree));
}
