// What passes through a processor: operations and media.
#include <catch2/catch.hpp>
#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/processord_tree/world.h"

using namespace lc;
using namespace lc::processor;
using namespace std::chrono_literals;
using lc::test::chain;
using lc::test::Link;
using lc::test::Process;
using lc::test::World;

namespace {

void operate(Process& from, fleet::NodePath path, std::optional<OperationOutcome>& outcome,
             std::chrono::milliseconds patience = lc::test::kNoHurry) {
  from.hierarchy.operate(std::move(path), 1, "work", patience,
                         [&outcome](const OperationOutcome& its) { outcome = its; });
}

}  // namespace

TEST_CASE("An operation's way is found by id or path, and an id that several have is refused with their paths",
          "[hierarchy]") {
  World world;
  const auto three = chain(world, 3);
  Process& twin = world.add("p2");
  const Hierarchy& root = three[0]->hierarchy;
  CHECK(root.resolve("")->empty());
  CHECK(root.resolve("p0")->empty());
  CHECK(root.resolve("p2").value() == fleet::NodePath{"p1", "p2"});
  CHECK(root.resolve("/p1").value() == fleet::NodePath{"p1"});
  CHECK(root.resolve("nobody").error().code == Code::kNotFound);
  CHECK(root.resolve("nobody").error().text == "no processor below has the id \"nobody\"");
  CHECK(root.resolve("/p2").error().code == Code::kNotFound);
  world.open(twin, *three[0]);
  world.settle();
  CHECK(root.resolve("p2").error().code == Code::kFailedPrecondition);
  CHECK(root.resolve("p2").error().text ==
        "2 processors have the id \"p2\", one must be named by its path: /p1/p2, /p2");
  CHECK(root.resolve("p1/p2").value() == fleet::NodePath{"p1", "p2"});
  // One that can't be reached is no alternative.
  world.cut(*world.link_of(*three[2]));
  world.settle();
  CHECK(root.resolve("p2").value() == fleet::NodePath{"p2"});
}

TEST_CASE("An operation comes back with what the processor said, or with who failed on the way", "[hierarchy]") {
  World world;
  const auto four = chain(world, 4);
  std::optional<OperationOutcome> outcome;
  const fleet::NodePath path = {"p1", "p2", "p3"};
  SECTION("here") {
    operate(*four[0], {}, outcome);
    REQUIRE(outcome);
    CHECK(outcome->payload == "done work");
    CHECK(four[0]->time_left == 5s);
  }
  SECTION("far below, with the same time for what is done there") {
    operate(*four[0], path, outcome);
    world.settle();
    REQUIRE(outcome);
    CHECK(outcome->code == Code::kOk);
    CHECK(outcome->payload == "done work");
    CHECK(outcome->answered == path);
    CHECK(four[3]->time_left == 5s);
  }
  SECTION("an error of the processor is its own") {
    four[3]->at_once = false;
    operate(*four[0], path, outcome);
    world.settle();
    four[3]->waiting.at(0).done({.code = Code::kInvalidArgument, .text = "bad pattern at 3"});
    world.settle();
    REQUIRE(outcome);
    CHECK(outcome->code == Code::kInvalidArgument);
    CHECK(outcome->text == "bad pattern at 3");
    CHECK(outcome->answered == path);
  }
  SECTION("a link is broken") {
    world.cut(*world.link_of(*four[2]));
    world.settle();
    operate(*four[0], path, outcome);
    world.settle();
    REQUIRE(outcome);
    CHECK(outcome->code == Code::kUnavailable);
    CHECK(outcome->text == "operation failed in chain: processor \"p2\" unreachable");
    CHECK(outcome->answered == fleet::NodePath{"p1", "p2"});
  }
  SECTION("a link breaks while the answer is awaited, and the answer comes to nobody") {
    four[3]->at_once = false;
    operate(*four[0], path, outcome);
    world.settle();
    world.cut(*world.link_of(*four[3]));
    world.settle();
    REQUIRE(outcome);
    CHECK(outcome->text == "operation failed in chain: processor \"p3\" unreachable");
    CHECK(outcome->answered == path);
    outcome.reset();
    world.open(*four[3], *four[2]);
    world.settle();
    four[3]->waiting.at(0).done({.payload = "late"});
    world.settle();
    CHECK_FALSE(outcome);
  }
  SECTION("it is not there any more") {
    world.leave(*four[3]);
    world.settle();
    operate(*four[0], path, outcome);
    world.settle();
    REQUIRE(outcome);
    CHECK(outcome->code == Code::kNotFound);
    CHECK(outcome->text == "operation failed in chain: processor \"p3\" is not below \"p2\"");
    CHECK(outcome->answered == path);
  }
  SECTION("it does not answer: the hop next to it says so first, and late answers are passed over") {
    four[3]->at_once = false;
    operate(*four[0], path, outcome);
    world.settle();
    const auto wait = [&](std::chrono::milliseconds time) {
      world.clock.advance(time);
      for (Process* one : four) one->hierarchy.tick();
      world.settle();
    };
    wait(5'499ms);
    CHECK_FALSE(outcome);
    wait(1ms);
    REQUIRE(outcome);
    CHECK(outcome->code == Code::kDeadlineExceeded);
    CHECK(outcome->text == "operation failed in chain: processor \"p3\" did not answer in time");
    CHECK(outcome->answered == path);
    outcome.reset();
    four[3]->waiting.at(0).done({.payload = "late"});
    world.settle();
    CHECK_FALSE(outcome);
  }
  SECTION("who asks has less time: it is shared among those on the way, so that all of them have some") {
    four[3]->at_once = false;
    operate(*four[0], path, outcome, 1s);
    world.settle();
    CHECK(four[3]->time_left == 200ms);
    world.clock.advance(400ms);
    four[2]->hierarchy.tick();
    world.settle();
    REQUIRE(outcome);
    CHECK(outcome->text == "operation failed in chain: processor \"p3\" did not answer in time");
  }
  SECTION("it never leaves, as the child does not read: the time is up all the same, and it is not done later") {
    Link& link = *world.link_of(*four[1]);
    operate(*four[0], {"p1"}, outcome);
    world.clock.advance(5'500ms);
    four[0]->hierarchy.tick();
    REQUIRE(outcome);
    CHECK(outcome->code == Code::kDeadlineExceeded);
    CHECK(link.parent_ready);
    world.settle();
    CHECK(four[1]->operated.empty());
  }
}

TEST_CASE("Each processor on an operation's way is asked whether it may go on, and a refusal names who it was",
          "[hierarchy]") {
  World world;
  const auto four = chain(world, 4);
  std::optional<OperationOutcome> outcome;
  operate(*four[0], {"p1", "p2", "p3"}, outcome);
  world.settle();
  REQUIRE(outcome);
  CHECK(outcome->payload == "done work");
  for (std::size_t at = 0; at < 4; ++at) {
    fleet::NodePath below;
    for (std::size_t i = at + 1; i < 4; ++i) below.push_back("p" + std::to_string(i));
    CHECK(four[at]->checked == std::vector<fleet::NodePath>{below});
  }
  for (std::size_t refusing = 0; refusing < 4; ++refusing) {
    four[refusing]->refusal = Error{Code::kUnauthenticated, "token expired"};
    outcome.reset();
    operate(*four[0], {"p1", "p2", "p3"}, outcome);
    world.settle();
    REQUIRE(outcome);
    CHECK(outcome->code == Code::kUnauthenticated);
    CHECK(outcome->text == "operation failed in chain: processor \"p" + std::to_string(refusing) + "\": token expired");
    CHECK(outcome->answered.size() == refusing);
    for (std::size_t i = 0; i < 4; ++i) four[i]->refusal.reset();
  }
  CHECK(four[3]->operated.size() == 1);
  // What is asked for here comes from nobody else.
  four[0]->refusal = Error{Code::kUnauthenticated, "token expired"};
  operate(*four[0], {}, outcome);
  CHECK(outcome->code == Code::kOk);
}

TEST_CASE("Who makes no link is told whether it could be a child", "[hierarchy]") {
  World world;
  const auto eleven = chain(world, 11);
  const auto asked = [&](std::size_t at, const std::string& id) {
    const Status status =
        eleven[at]->hierarchy.may_attach({.self = {.id = id}, .address = "10.0.0.99:1"}, "10.0.0.99:2");
    return status ? "" : status.error().text;
  };
  CHECK(asked(0, "new") == "");
  CHECK(asked(9, "new") == "");
  CHECK(asked(10, "new") == "hierarchy depth limit exceeded (max: 10)");
  CHECK(asked(3, "p3") == "processor cycle detected in upstream chain");
  CHECK(asked(3, "p1") == "processor cycle detected in upstream chain");
  CHECK(asked(3, "p9") == "");
  CHECK_THAT(asked(3, "p4"), Catch::StartsWith("processor id \"p4\" is in use: by 10.0.0.5:55555"));
  CHECK_THAT(asked(3, "p4"), Catch::EndsWith("can't be that of 10.0.0.99:1 (10.0.0.99:2) too"));
  CHECK(eleven[3]->hierarchy.may_attach({.self = {.id = "no id"}, .address = ""}, "").error().code ==
        Code::kInvalidArgument);
}

TEST_CASE("Media is told to all others of the tree, once, and to those that come later", "[hierarchy]") {
  World world;
  const auto four = chain(world, 4);
  Process& beside = world.add("beside");
  world.open(beside, *four[1]);
  world.settle();
  four[3]->announce("here");
  world.settle();
  for (const Process* one : {four[0], four[1], four[2], &beside}) {
    CHECK(one->media_heard == std::vector<std::string>{"here"});
  }
  CHECK(four[3]->media_heard.empty());

  const auto late = chain(world, 2, "q");
  late[1]->announce("there");
  world.settle();
  world.open(*late[0], beside);
  world.settle();
  for (const auto& one : world.processes) CHECK(one->media_known == std::set<std::string>{"here", "there"});
}
