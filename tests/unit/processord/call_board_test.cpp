#include "processord/engine/call_board.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/calls.h"
#include "tests/support/changes.h"

using namespace lc;
using namespace lc::processor;
using lc::test::call;
using lc::test::Changes;
using Kind = CallUpdate::Kind;

namespace {

using Contents = std::map<std::string, CallPointer>;

/// A console's end: what it makes of the updates.
struct Console {
  explicit Console(CallBoard& board_in, HunterSelection hunters = std::nullopt) : board(board_in) {
    auto made = board.subscribe({.hunters = std::move(hunters),
                                 .ready = [this] { ++told; },
                                 .closed = [this](const Error& reason) { closed.push_back(reason); }});
    if (!made) throw std::runtime_error(made.error().text);
    subscription = std::move(*made);
  }
  ~Console() { board.unsubscribe(subscription); }
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  /// False: there is nothing.
  bool read_one() {
    const auto update = board.next(*subscription);
    if (!update) return false;
    last = *update;
    ++updates;
    switch (update->kind) {
      case Kind::kSnapshotBegin:
        snapshot.emplace();
        ++snapshots;
        break;
      case Kind::kSnapshotEnd:
        if (!snapshot) throw std::runtime_error("an end without a begin");
        contents = std::move(*snapshot);
        snapshot.reset();
        break;
      case Kind::kCall:
        (snapshot ? *snapshot : contents)[update->call->id] = update->call;
        break;
      case Kind::kRemoved:
        if (snapshot) throw std::runtime_error("a removal within a snapshot");
        contents.erase(update->id);
        break;
    }
    return true;
  }
  void read_all() {
    while (read_one()) {
    }
  }
  /// Ids with their states.
  [[nodiscard]] std::map<std::string, std::string> states() const {
    std::map<std::string, std::string> states;
    for (const auto& [id, one] : contents) states[id] = one->state;
    return states;
  }

  CallBoard& board;
  std::shared_ptr<CallSubscription> subscription;
  Contents contents;
  std::optional<Contents> snapshot;  // as far as it was told
  CallUpdate last;
  int updates = 0;
  int snapshots = 0;
  int told = 0;
  std::vector<Error> closed;
};

using States = std::map<std::string, std::string>;

}  // namespace

TEST_CASE("A console gets a snapshot with its begin and end, even of nothing, and then each change", "[call_board]") {
  CallBoard board(10);
  Console console(board);
  REQUIRE(console.read_one());
  CHECK(console.last.kind == Kind::kSnapshotBegin);
  REQUIRE(console.read_one());
  CHECK(console.last.kind == Kind::kSnapshotEnd);
  CHECK_FALSE(console.read_one());
  CHECK_FALSE(board.has_next(*console.subscription));

  board.publish(call("a"));
  CHECK(console.told == 1);
  board.publish(call("b"));
  board.publish(call("a", "active"));
  CHECK(console.told == 1);  // it has not come since
  console.read_all();
  CHECK(console.states() == States{{"a", "active"}, {"b", "trying"}});
  CHECK(console.updates == 4);
  board.remove("a");
  board.remove("nobody");
  CHECK(console.told == 2);
  REQUIRE(console.read_one());
  CHECK(console.last.kind == Kind::kRemoved);
  CHECK(console.last.id == "a");
  CHECK_FALSE(console.read_one());

  Console late(board);
  late.read_all();
  CHECK(late.states() == States{{"b", "trying"}});
  CHECK(late.updates == 3);
  REQUIRE(board.calls().size() == 1);
  CHECK(board.calls()[0]->id == "b");
}

TEST_CASE("Revisions rise with every update, and a snapshot says up to which it is complete", "[call_board]") {
  CallBoard board(10);
  for (const std::string id : {"a", "b", "c"}) board.publish(call(id));
  board.publish(call("a", "active"));
  Console console(board);
  std::vector<std::uint64_t> revisions;
  while (console.read_one()) revisions.push_back(console.last.revision);
  CHECK(revisions == std::vector<std::uint64_t>{4, 2, 3, 4, 4});
  board.remove("b");
  board.publish(call("c", "ended"));
  revisions.clear();
  while (console.read_one()) revisions.push_back(console.last.revision);
  CHECK(revisions == std::vector<std::uint64_t>{5, 6});
}

TEST_CASE("A call waits once however often it changes, and is sent as it is then", "[call_board]") {
  CallBoard board(10);
  Console console(board);
  console.read_all();
  for (int i = 0; i < 100'000; ++i) board.publish(call("c" + std::to_string(i % 10), std::to_string(i)));
  const int before = console.updates;
  console.read_all();
  CHECK(console.updates - before == 10);
  CHECK(console.states().at("c3") == "99993");
  CHECK(console.snapshots == 1);
}

TEST_CASE("A console that does not read gets a snapshot anew in place of more removals than are worth telling",
          "[call_board]") {
  CallBoard board(10);
  board.publish(call("stays"));
  for (std::size_t i = 0; i < 100; ++i) board.publish(call("had" + std::to_string(i)));
  Console console(board);
  console.read_all();
  for (std::size_t i = 0; i < 100; ++i) board.remove("had" + std::to_string(i));
  for (std::size_t i = 100; i < CallBoard::kLeastRemovals; ++i) {
    board.publish(call("x" + std::to_string(i)));
    board.remove("x" + std::to_string(i));
  }
  SECTION("as many are still told, those that it never had left out") {
    console.read_all();
    CHECK(console.snapshots == 1);
    CHECK(console.updates == 103 + 100);
  }
  SECTION("one more is not") {
    board.publish(call("y"));
    board.remove("y");
    console.read_all();
    CHECK(console.snapshots == 2);
    CHECK(console.updates == 103 + 3);
  }
  CHECK(console.states() == States{{"stays", "trying"}});
}

TEST_CASE("A snapshot comes to its end, however fast calls change, come and go meanwhile", "[call_board]") {
  constexpr std::size_t kCalls = 3'000;
  CallBoard board(10);
  for (std::size_t i = 0; i < kCalls; ++i) board.publish(call("c" + std::to_string(i)));
  Console console(board);
  std::size_t number = 0;
  while (console.contents.empty()) {
    REQUIRE(console.read_one());
    for (int i = 0; i < 5; ++i, ++number) board.publish(call("c" + std::to_string(number * 7 % kCalls), "active"));
    board.publish(call("new" + std::to_string(number)));
    if (number % 10 == 0) board.remove("new" + std::to_string(number));
    REQUIRE(number < 100'000);
  }
  CHECK(console.snapshots == 1);
}

TEST_CASE("A console sees the calls that one of its hunters has, or had, a leg or a stream of", "[call_board]") {
  CallBoard board(10);
  Console one(board, std::unordered_set<std::string>{"h1"});
  Console none(board, std::unordered_set<std::string>{});
  fleet::Call with_stream = lc::test::call_view("streams", "active", {"h2"});
  with_stream.streams.emplace_back().hunter_id = "h1";
  board.publish(std::make_shared<const fleet::Call>(with_stream));
  board.publish(call("leg", "active", {"h3", "h1"}));
  board.publish(call("other", "active", {"h2"}));
  one.read_all();
  none.read_all();
  CHECK(one.states() == States{{"leg", "active"}, {"streams", "active"}});
  CHECK(none.contents.empty());
  CHECK(none.updates == 2);

  board.publish(call("streams", "ended", {"h2"}));
  board.remove("other");
  const int before = one.updates;
  one.read_all();
  CHECK(one.updates == before + 1);
  CHECK(one.states() == States{{"leg", "active"}, {"streams", "ended"}});
  Console late(board, std::unordered_set<std::string>{"h1"});
  late.read_all();
  CHECK(late.contents == one.contents);
  board.publish(call("new", "trying", {"h2"}));
  board.publish(call("new", "trying", {"h2", "h1"}));
  board.remove("streams");
  one.read_all();
  CHECK(one.states() == States{{"leg", "active"}, {"new", "trying"}});
}

TEST_CASE("A call that comes again after its removal is not lost on a console that heard of neither", "[call_board]") {
  CallBoard board(10);
  board.publish(call("a"));
  Console console(board);
  console.read_all();
  board.remove("a");
  board.publish(call("a", "again"));
  SECTION("it stays") {
    console.read_all();
    CHECK(console.states() == States{{"a", "again"}});
  }
  SECTION("it goes again") {
    board.remove("a");
    console.read_all();
    CHECK(console.contents.empty());
  }
}

TEST_CASE("There are as many subscribers as there may be, and none after the end", "[call_board]") {
  CallBoard board(1);
  CHECK_FALSE(board.wanted());
  {
    Console console(board);
    CHECK(board.wanted());
    const auto second = board.subscribe({.ready = [] {}, .closed = [](const Error&) {}});
    REQUIRE_FALSE(second);
    CHECK(second.error().code == Code::kResourceExhausted);
    CHECK(second.error().text == "maximum number of subscribers of calls reached: limit 1");
    board.close_all({Code::kUnavailable, "stopping"});
    REQUIRE(console.closed.size() == 1);
    CHECK(console.closed[0].code == Code::kUnavailable);
  }
  CHECK_FALSE(board.wanted());
  const auto late = board.subscribe({.ready = [] {}, .closed = [](const Error&) {}});
  REQUIRE_FALSE(late);
  CHECK(late.error().code == Code::kUnavailable);
}

TEST_CASE("A publisher that works on demand is asked by who comes first, and the board is empty when all have left",
          "[call_board]") {
  CallBoard board(10);
  int asked = 0;
  board.publish_on_demand([&] { ++asked; });
  board.publish(call("unwanted"));
  CHECK(board.calls().empty());
  CHECK_FALSE(board.asked());
  {
    Console console(board);
    CHECK(asked == 1);
    CHECK(board.asked());
    board.publish(call("a"));  // comes too early, and will be among all
    board.remove("a");
    CHECK_FALSE(console.read_one());
    CHECK_FALSE(board.has_next(*console.subscription));
    board.publish_all({call("a"), call("b")});
    CHECK(console.told == 1);
    CHECK_FALSE(board.asked());
    console.read_all();
    CHECK(console.states() == States{{"a", "trying"}, {"b", "trying"}});
    Console second(board);
    CHECK(asked == 1);
    second.read_all();
    CHECK(second.contents == console.contents);
    // Once more than was asked for: what is gone goes.
    board.publish_all({call("b", "active"), call("c")});
    console.read_all();
    CHECK(console.states() == States{{"b", "active"}, {"c", "trying"}});
    CHECK(console.snapshots == 1);
  }
  CHECK(board.calls().empty());
  board.publish_all({call("late")});  // the answer to somebody who has left
  CHECK(board.calls().empty());
  Console again(board);
  CHECK(asked == 2);
  CHECK_FALSE(again.read_one());
  board.publish_all({});
  again.read_all();
  CHECK(again.updates == 2);
}

TEST_CASE("Whatever is published and removed, consoles that read at any pace have what the board has",
          "[call_board][property]") {
  static const std::vector<std::string> kHunters = {"h1", "h2", "h3"};
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    const bool on_demand = seed % 2 == 0;
    // Seeds of much removal and many calls; the others mostly stay below kLeastRemovals.
    const std::size_t names = seed % 4 < 2 ? 40 : 5'000;
    CallBoard board(10);
    if (on_demand) board.publish_on_demand([] {});
    Contents model;
    std::map<std::string, std::set<std::string>> seen_by;
    std::vector<std::unique_ptr<Console>> consoles(4);
    std::vector<HunterSelection> selections(consoles.size());
    std::vector<CallPointer> all;
    const auto publish_all = [&] {
      all.clear();
      for (const auto& [id, one] : model) all.push_back(one);
      board.publish_all(all);
    };
    const auto check = [&](std::size_t index) {
      Console& console = *consoles[index];
      console.read_all();
      Contents expected;
      for (const auto& [id, one] : model) {
        const auto& selection = selections[index];
        bool is_wanted = !selection;
        for (const fleet::CallLeg& leg : one->legs) is_wanted = is_wanted || selection->contains(leg.hunter_id);
        if (is_wanted) expected[id] = one;
      }
      // Beyond these, only calls that one of its hunters had before.
      bool all_had = true;
      for (auto& [id, one] : console.contents) {
        if (expected.contains(id)) continue;
        bool had = false;
        for (const auto& hunter : selections[index].value()) had = had || seen_by[id].contains(hunter);
        all_had = all_had && had && model.contains(id);
        expected[id] = model[id];
      }
      CHECK(all_had);
      CHECK(console.contents == expected);
    };
    for (int step = 0; step < 12'000; ++step) {
      const std::string id = "c" + std::to_string(random() % names);
      const std::size_t index = random() % consoles.size();
      const auto choice = random() % 1'000;
      if (choice < 500) {
        std::vector<std::string> hunters;
        for (const std::string& hunter : kHunters) {
          if (random() % 2 == 0) hunters.push_back(hunter);
        }
        seen_by[id].insert(hunters.begin(), hunters.end());
        model[id] = call(id, std::to_string(step), hunters);
        if (!on_demand || board.wanted()) board.publish(model[id]);
      } else if (choice < 950) {
        model.erase(id);
        if (!on_demand || board.wanted()) board.remove(id);
      } else if (choice < 953) {
        consoles[index].reset();
        selections[index].reset();
        if (random() % 2 == 0) selections[index].emplace({kHunters[random() % kHunters.size()]});
        consoles[index] = std::make_unique<Console>(board, selections[index]);
      } else if (choice < 954) {
        consoles[index].reset();
      } else if (choice < 956) {
        if (consoles[index] && board.calls().size() == model.size()) check(index);
      } else if (consoles[index]) {
        for (std::uint64_t n = random() % (index * 20 + 2); n > 0; --n) consoles[index]->read_one();
      }
      if (board.asked() && random() % 10 == 0) publish_all();
    }
    if (board.asked()) publish_all();
    if (!on_demand || board.wanted()) CHECK(board.calls().size() == model.size());
    for (std::size_t index = 0; index < consoles.size(); ++index) {
      if (consoles[index]) check(index);
    }
  }
}

TEST_CASE("Consoles that come and go while calls are published on demand all get their snapshot and the end",
          "[call_board][stress]") {
  CallBoard board(100);
  Changes wake;
  bool stop = false;
  bool woken = false;
  board.publish_on_demand([&] { wake.change([&] { woken = true; }); });
  std::jthread publisher([&] {
    Contents calls;
    for (int step = 0;; ++step) {
      if (!board.wanted()) {
        wake.wait([&] { return stop || woken; });
      }
      if (wake.look([&] { return stop; })) return;
      wake.change([&] { woken = false; });
      const std::string id = "c" + std::to_string(step % 50);
      calls[id] = call(id, std::to_string(step));
      if (board.wanted()) board.publish(calls[id]);
      if (step % 3 == 0) {
        calls.erase("c" + std::to_string(step * 7 % 50));
        if (board.wanted()) board.remove("c" + std::to_string(step * 7 % 50));
      }
      if (board.asked()) {
        std::vector<CallPointer> all;
        for (const auto& [known, one] : calls) all.push_back(one);
        board.publish_all(std::move(all));
      }
    }
  });
  std::atomic<int> complete{0};
  std::atomic<int> wrong{0};
  std::vector<std::jthread> consoles;
  for (int i = 0; i < 3; ++i) {
    consoles.emplace_back([&] {
      for (int round = 0; round < 100; ++round) {
        const auto changes = std::make_shared<Changes>();
        const auto made = board.subscribe(
            {.hunters = std::nullopt, .ready = [changes] { changes->change([] {}); }, .closed = [](const Error&) {}});
        if (!made) {
          ++wrong;
          continue;
        }
        bool ended = false;
        int later = 0;
        std::uint64_t revision = 0;
        while (!ended || later < 5) {
          const auto update = board.next(**made);
          if (!update) {
            if (!changes->wait([&] { return board.has_next(**made); })) ++wrong;
            continue;
          }
          if (update->kind == Kind::kSnapshotBegin) ended = false;  // again: it was too slow
          if (ended && update->revision <= revision) ++wrong;
          if (ended) ++later;
          if (update->kind == Kind::kSnapshotEnd) ended = true;
          if (ended) revision = update->revision;
        }
        board.unsubscribe(*made);
        ++complete;
      }
    });
  }
  consoles.clear();
  wake.change([&] { stop = true; });
  publisher.join();
  CHECK(complete == 300);
  CHECK(wrong == 0);
  CHECK(board.calls().empty());
}
