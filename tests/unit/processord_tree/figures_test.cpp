#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "processord/tree/figures_board.h"
#include "processord/tree/hierarchy.h"
#include "tests/unit/processord_tree/world.h"

using namespace lc;
using namespace lc::processor;
using namespace std::chrono_literals;
using lc::test::chain;
using lc::test::Link;
using lc::test::Process;
using lc::test::World;

namespace {

fleet::FiguresAt figures(std::uint64_t packets, fleet::NodePath path = {}) {
  fleet::FiguresAt made;
  made.path = std::move(path);
  made.figures.processor.packets_received = packets;
  return made;
}

void take(Process& process, std::uint64_t packets) {
  process.hierarchy.figures().put(figures(packets)).tell();
}

/// A console's end.
class Reader {
 public:
  explicit Reader(FiguresBoard& board, std::chrono::milliseconds interval = 0ms, bool below = true)
      : board_(board),
        subscription_(board.subscribe({.below = below, .interval = interval, .ready = [this] { ++told; }})) {}
  ~Reader() { board_.unsubscribe(subscription_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  /// What there is now: "/a/b 7".
  std::vector<std::string> read() {
    std::vector<std::string> texts;
    while (const FiguresPointer next = board_.next(*subscription_)) {
      texts.push_back(fleet::path_text(next->path) + " " + std::to_string(next->figures.processor.packets_received));
    }
    CHECK_FALSE(board_.has_next(*subscription_));
    return texts;
  }

  int told = 0;

 private:
  FiguresBoard& board_;
  const std::shared_ptr<FiguresSubscription> subscription_;
};

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("Figures from the end of a chain of three reach who asks at its root, by their path", "[processor_tree]") {
  World world;
  const auto three = chain(world, 3);
  Reader console(three[0]->hierarchy.figures());
  Reader own(three[0]->hierarchy.figures(), 0ms, false);
  CHECK(three[2]->hierarchy.figures().wanted());  // by its parent
  take(*three[2], 7);
  world.settle();
  take(*three[1], 8);
  world.settle();
  take(*three[0], 9);
  CHECK(console.told == 0);  // it has not come yet
  CHECK(console.read() == Texts{"/p1/p2 7", "/p1 8", "/ 9"});
  CHECK(own.read() == Texts{"/ 9"});
  REQUIRE(three[0]->hierarchy.figures().latest({"p1", "p2"}));
  take(*three[2], 10);
  world.settle();
  CHECK(console.told == 1);
  CHECK(console.read() == Texts{"/p1/p2 10"});
  CHECK(own.read().empty());
}

TEST_CASE("A parent that reads slowly is sent the latest figures alone, behind what is numbered", "[processor_tree]") {
  World world;
  const auto three = chain(world, 3);
  Reader console(three[0]->hierarchy.figures());
  Link& slow = *world.link_of(*three[1]);
  for (std::uint64_t packets = 1; packets <= 100; ++packets) {
    take(*three[2], packets);
    take(*three[1], 1000 + packets);
    while (world.write_up(*world.link_of(*three[2])) || world.arrive_up(*world.link_of(*three[2]))) {
    }
  }
  three[1]->connect_hunter("h1", 5);
  while (world.write_up(slow)) {
  }
  REQUIRE(slow.up.size() == 3);
  CHECK(std::holds_alternative<fleet::TopologyUpdate>(slow.up[0]));
  CHECK(std::holds_alternative<fleet::FiguresAt>(slow.up[1]));
  world.settle();
  CHECK(console.read() == Texts{"/p1 1100", "/p1/p2 100"});
}

TEST_CASE("Figures of a processor that is gone or can't be reached are forgotten", "[processor_tree]") {
  World world;
  const auto three = chain(world, 3);
  FiguresBoard& board = three[0]->hierarchy.figures();
  const auto bring = [&] {
    for (Process* const one : {three[1], three[2]}) take(*one, 1);
    world.settle();
  };
  bring();
  REQUIRE(board.latest({"p1", "p2"}));
  SECTION("far below") {
    world.cut(*world.link_of(*three[2]));
    world.settle();
    CHECK(board.latest({"p1"}));
    CHECK_FALSE(board.latest({"p1", "p2"}));
    world.open(*three[2], *three[1]);
    world.settle();
    bring();
    CHECK(board.latest({"p1", "p2"}));
  }
  SECTION("the child") {
    world.cut(*world.link_of(*three[1]));
    world.settle();
    CHECK_FALSE(board.latest({"p1"}));
    CHECK_FALSE(board.latest({"p1", "p2"}));
  }
  SECTION("that has left") {
    world.leave(*three[1]);
    world.settle();
    CHECK_FALSE(board.latest({"p1"}));
  }
  SECTION("that is not in the tree") {
    const auto parent_end = world.link_of(*three[1])->parent_end;
    three[0]->hierarchy.received(*parent_end, figures(1, {"nobody"}));
    three[0]->hierarchy.received(*parent_end, figures(2));
    CHECK_FALSE(board.latest({"p1", "nobody"}));
    CHECK(board.latest({"p1"})->figures.processor.packets_received == 2);
  }
  SECTION("old ones are told to nobody") {
    world.clock.advance(FiguresBoard::kFresh);
    CHECK_FALSE(board.latest({"p1"}));
    CHECK(Reader(board).read().empty());
  }
}

TEST_CASE("A subscriber is sent the figures of a processor at most once in its interval, as they are then",
          "[processor_tree]") {
  lc::test::FakeClock clock;
  FiguresBoard board(clock);
  Reader console(board, 1000ms);
  board.put(figures(1, {"a"})).tell();
  board.put(figures(1, {"b"})).tell();
  CHECK(console.read() == Texts{"/a 1", "/b 1"});
  for (std::uint64_t packets = 2; packets < 5; ++packets) {
    board.put(figures(packets, {"a"})).tell();
    clock.advance(300ms);
    board.tick().tell();
    CHECK(console.told == 0);
    CHECK(console.read().empty());
  }
  clock.advance(100ms);
  board.tick().tell();
  CHECK(console.told == 1);
  CHECK(console.read() == Texts{"/a 4"});
  clock.advance(5s);
  board.tick().tell();
  CHECK(console.told == 1);  // nothing new
  board.put(figures(9, {"b"})).tell();
  CHECK(console.told == 2);
  CHECK(console.read() == Texts{"/b 9"});
}

TEST_CASE("A processor's own figures are forgotten when nobody wants them any more", "[processor_tree]") {
  lc::test::FakeClock clock;
  FiguresBoard board(clock);
  {
    const Reader console(board);
    CHECK(board.wanted());
    board.put(figures(1)).tell();
    board.put(figures(2, {"a"})).tell();
  }
  CHECK_FALSE(board.wanted());
  CHECK(Reader(board).read() == Texts{"/a 2"});
}
