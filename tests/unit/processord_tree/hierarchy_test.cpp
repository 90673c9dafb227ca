#include "processord/tree/hierarchy.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "tests/unit/processord_tree/world.h"

using namespace lc;
using namespace lc::processor;
using namespace std::chrono_literals;
using lc::test::attached;
using lc::test::chain;
using lc::test::Link;
using lc::test::Process;
using lc::test::text_of;
using lc::test::why_not;
using lc::test::World;

namespace {

constexpr const char* kCycle = "processor cycle detected in upstream chain";
constexpr const char* kTooDeep = "hierarchy depth limit exceeded (max: 10)";

}  // namespace

TEST_CASE("A tree has ten levels below its root and no eleventh, however it is put together", "[hierarchy]") {
  World world;
  const auto deep = chain(world, 11);
  CHECK(attached(*deep[10]));
  CHECK(deep[10]->hierarchy.place().above.size() == 10);
  CHECK(deep[7]->hierarchy.place().warning.empty());
  CHECK(deep[8]->hierarchy.place().warning == "hierarchy depth 8: operations get slow beyond 7");
  Process& more = world.add("more");
  world.open(more, *deep[10]);
  world.settle();
  CHECK(why_not(more) == kTooDeep);
  CHECK_FALSE(attached(more));

  // What is below counts.
  const auto pair = chain(world, 2, "q");
  world.open(*pair[0], *deep[9]);
  world.settle();
  CHECK(why_not(*pair[0]) == kTooDeep);
  world.open(*pair[0], *deep[8]);
  world.settle();
  CHECK(attached(*pair[0]));
  CHECK(why_not(*pair[0]).empty());
  CHECK(fleet::height(deep[0]->topology.snapshot().tree) == 10);
}

TEST_CASE("A level that becomes the eleventh because something moves meanwhile is cut off, and no other",
          "[hierarchy]") {
  World world;
  const auto upper = chain(world, 7);
  const auto lower = chain(world, 4, "q");
  // Neither parent can know of the other's child yet.
  Process& last = world.add("last");
  world.open(*lower[0], *upper[6]);
  world.open(last, *lower[3]);
  world.settle();
  CHECK(attached(*lower[0]));
  CHECK(attached(*lower[3]));
  CHECK_FALSE(attached(last));
  CHECK(why_not(last) == kTooDeep);
  CHECK(text_of(*upper[6]) == "p6 (q0 (q1 (q2 (q3))))");
}

TEST_CASE("A processor is attached neither to itself nor to what is below it", "[hierarchy]") {
  World world;
  const auto three = chain(world, 3);
  world.open(*three[0], *three[2]);
  world.settle();
  CHECK(why_not(*three[0]) == kCycle);
  CHECK_FALSE(attached(*three[0]));
  CHECK(text_of(*three[0]) == "p0 (p1 (p2))");
  world.open(*three[0], *three[0]);
  world.settle();
  CHECK(why_not(*three[0]) == kCycle);
}

TEST_CASE("A cycle that several links close at once is found and cut, and stays cut", "[hierarchy]") {
  const std::size_t length = GENERATE(std::size_t{2}, 3U, 10U, 15U);
  World world;
  std::vector<Process*> all;
  for (std::size_t i = 0; i < length; ++i) all.push_back(&world.add("p" + std::to_string(i)));
  for (std::size_t i = 0; i < length; ++i) world.open(*all[i], *all[(i + 1) % length]);
  world.settle();
  const auto count = [&] { return std::ranges::count_if(all, [](const Process* one) { return attached(*one); }); };
  CHECK(count() < static_cast<std::ptrdiff_t>(length));
  // One after the other, as their patience differs.
  for (std::size_t i = 0; i < 2 * length; ++i) {
    Process& one = *all[i % length];
    if (world.link_of(one) == nullptr) world.open(one, *all[(i + 1) % length]);
    world.settle();
  }
  if (length <= fleet::kMaxDepth) CHECK(count() == static_cast<std::ptrdiff_t>(length - 1));
  for (const Process* one : all) {
    CHECK(one->hierarchy.place().above.size() <= fleet::kMaxDepth);
    if (!attached(*one)) CHECK((why_not(*one) == kCycle || why_not(*one) == kTooDeep));
  }
}

TEST_CASE("The same id above, below or beside is no cycle, and each is reached by its path", "[hierarchy]") {
  World world;
  Process& root = world.add("a");
  Process& middle = world.add("b");
  Process& bottom = world.add("a");
  Process& beside = world.add("c");
  Process& other = world.add("a");
  world.open(middle, root);
  world.open(bottom, middle);
  world.open(beside, root);
  world.open(other, beside);
  world.settle();
  CHECK(text_of(root) == "a (b (a)) (c (a))");
  CHECK(root.hierarchy.resolve("/b/a").value() == fleet::NodePath{"b", "a"});
  root.hierarchy.operate({"b", "a"}, 1, "work", lc::test::kNoHurry, [](const OperationOutcome&) {});
  world.settle();
  CHECK(bottom.operated.size() == 1);
  CHECK(other.operated.empty());
}

TEST_CASE("An id that a live child has is refused to another, both named; the same process takes over its old link",
          "[hierarchy]") {
  World world;
  Process& root = world.add("root");
  Process& first = world.add("a");
  Process& second = world.add("a");
  Link& old = world.open(first, root);
  world.settle();
  world.open(second, root);
  world.settle();
  CHECK(why_not(second) ==
        "processor id \"a\" is in use: by 10.0.0.2:55555 (to 10.0.0.2:55555), and can't be that of "
        "10.0.0.3:55555 (to 10.0.0.3:55555) too");
  CHECK(second.hierarchy.place().not_attached->code == Code::kAlreadyExists);

  // The child knows that its link is dead, the parent not yet.
  root.quick.read_all();
  const int before = root.quick.updates;
  world.cut(old);
  REQUIRE(world.notice_down(old));
  Link& fresh = world.open(first, root);
  while (world.write_up(fresh) || world.arrive_up(fresh) || world.write_down(fresh) || world.arrive_down(fresh)) {
  }
  world.settle();
  CHECK(attached(first));
  root.quick.read_all();
  CHECK(root.quick.updates == before);  // nothing was ever wrong
  CHECK(text_of(root) == "root (a)");
  world.cut(fresh);
  world.settle();
  CHECK(text_of(root) == "root (a!)");
  // Now the id is free.
  world.open(second, root);
  world.settle();
  CHECK(attached(second));
}

TEST_CASE("What is only remembered takes nobody's place in the depth", "[hierarchy]") {
  World world;
  const auto upper = chain(world, 9);
  const auto lower = chain(world, 3, "q");
  world.cut(*world.link_of(*lower[1]));
  world.settle();
  CHECK(text_of(*lower[0]) == "q0 (q1! (q2))");
  world.open(*lower[0], *upper[8]);
  world.settle();
  CHECK(attached(*lower[0]));
  CHECK(text_of(*upper[8]) == "p8 (q0)");  // q2 could not come back here
}

TEST_CASE("A child that leaves is forgotten at once, one that breaks off after a day", "[hierarchy]") {
  World world;
  const auto three = chain(world, 3);
  world.cut(*world.link_of(*three[2]));
  world.settle();
  CHECK(text_of(*three[0]) == "p0 (p1 (p2!))");
  CHECK(why_not(*three[2]) == "the connection broke");
  world.clock.advance(24h - 1s);
  three[1]->hierarchy.tick();
  world.settle();
  CHECK(text_of(*three[0]) == "p0 (p1 (p2!))");
  world.clock.advance(1s);
  three[1]->hierarchy.tick();
  world.settle();
  CHECK(text_of(*three[0]) == "p0 (p1)");

  world.open(*three[2], *three[1]);
  world.settle();
  world.cut(*world.link_of(*three[2]));
  world.settle();
  world.open(*three[2], *three[1]);
  world.settle();
  world.clock.advance(25h);
  three[1]->hierarchy.tick();
  CHECK(text_of(*three[0]) == "p0 (p1 (p2))");
  world.leave(*three[1]);
  world.settle();
  CHECK(text_of(*three[0]) == "p0");
  CHECK(text_of(*three[1]) == "p1 (p2)");
  CHECK(three[2]->hierarchy.place().above.size() == 1);
}

TEST_CASE("At a stop the parent forgets the processor, and the children know why they are alone", "[hierarchy]") {
  World world;
  const auto three = chain(world, 3);
  three[1]->hierarchy.close_all("the processor is stopping");
  world.settle();
  CHECK(text_of(*three[0]) == "p0");
  CHECK(why_not(*three[2]) == "the processor is stopping");
  CHECK(three[2]->hierarchy.place().not_attached->code == Code::kUnavailable);
  world.open(*three[2], *three[1]);
  world.open(*three[1], *three[0]);
  world.settle();
  CHECK_FALSE(attached(*three[2]));
  CHECK_FALSE(attached(*three[1]));
}
