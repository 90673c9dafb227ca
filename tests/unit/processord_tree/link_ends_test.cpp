// One end of a link, and the other side word by word.
#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/trees.h"
#include "tests/unit/processord_tree/world.h"

using namespace lc;
using namespace lc::processor;
using namespace std::chrono_literals;
using lc::test::attached;
using lc::test::Process;
using lc::test::text_of;
using lc::test::tree;
using lc::test::why_not;
using lc::test::World;

namespace {

constexpr const char* kCycle = "processor cycle detected in upstream chain";
constexpr const char* kTooDeep = "hierarchy depth limit exceeded (max: 10)";

/// A parent, and what a child says to it, word by word.
struct Talk {
  Talk() {
    end = parent.hierarchy.child_opened({.address = "192.0.2.7:4711", .ready = [this] { ++ready; }});
  }
  void say(FromChild message) { parent.hierarchy.received(*end, std::move(message)); }
  void say_hello(const std::string& id = "child", std::uint64_t instance = 77) {
    say(Registration{.self = {id, instance}, .address = id + ":55555"});
  }
  std::optional<FromParent> hear() { return parent.hierarchy.next(*end); }
  /// Empty when it hears something else.
  Refusal hear_refusal() {
    const auto message = hear();
    const auto* const refusal = message ? std::get_if<Refusal>(&*message) : nullptr;
    return refusal ? *refusal : Refusal{};
  }

  World world;
  Process& parent = world.add("parent");
  std::shared_ptr<ParentEnd> end;
  int ready = 0;
};

}  // namespace

TEST_CASE("A child that says what it can't say is refused, and stays in the tree as it was", "[hierarchy]") {
  Talk talk;
  SECTION("before it has registered") {
    talk.say(Media{});
    CHECK(talk.hear_refusal().error.text == "a link begins with a registration");
    CHECK_FALSE(talk.hear());
    return;
  }
  SECTION("an id that is none") {
    talk.say_hello("no id");
    CHECK(talk.hear_refusal().error.code == Code::kInvalidArgument);
    return;
  }
  SECTION("that it is the parent itself") {
    talk.say_hello("parent", talk.parent.identity.instance);
    CHECK(talk.hear_refusal().error.text == kCycle);
    return;
  }
  SECTION("the parent's id, by one that does not say which process it is") {
    talk.say_hello("parent", 0);
    CHECK(talk.hear_refusal().error.text == kCycle);
    return;
  }
  SECTION("later") {
    talk.say_hello();
    const auto welcome = talk.hear();
    REQUIRE(welcome);
    CHECK(std::get<Welcome>(*welcome).chain == Chain{talk.parent.identity});
    SECTION("a change before a snapshot") {
      talk.say(fleet::TopologyUpdate{.revision = 1, .change = std::make_shared<const fleet::TreeChange>()});
      CHECK(talk.hear_refusal().error.text == "updates of the tree are missing");
      return;
    }
    SECTION("another's tree") {
      talk.say(fleet::TopologyUpdate{.revision = 1, .snapshot = tree("other")});
      CHECK(talk.hear_refusal().error.code == Code::kInvalidArgument);
      return;
    }
    talk.say(fleet::TopologyUpdate{.revision = 5, .snapshot = tree("child", {"h"})});
    CHECK_FALSE(talk.hear());
    CHECK(text_of(talk.parent) == "parent (child h)");
    SECTION("a gap") {
      talk.say(fleet::TopologyUpdate{.revision = 7, .change = std::make_shared<const fleet::TreeChange>()});
      CHECK(talk.hear_refusal().error.text == "updates of the tree are missing");
    }
    SECTION("a hunter that it does not have") {
      const fleet::TreeChange change{.time_ns = 1, .path = {}, .event = fleet::HunterDisconnected{"x", ""}};
      talk.say(fleet::TopologyUpdate{.revision = 6, .change = std::make_shared<const fleet::TreeChange>(change)});
      CHECK(talk.hear_refusal().error.text == "there is no hunter \"x\" at /child");
    }
    SECTION("a second registration") {
      talk.say_hello();
      CHECK(talk.hear_refusal().error.code == Code::kInvalidArgument);
    }
    CHECK(text_of(talk.parent) == "parent (child! h)");
    CHECK_FALSE(talk.hear());
    talk.say(fleet::TopologyUpdate{.revision = 6, .snapshot = tree("child")});  // it has not heard yet
    CHECK(text_of(talk.parent) == "parent (child! h)");
  }
}

TEST_CASE("A parent that says what it can't say is left", "[hierarchy]") {
  World world;
  Process& child = world.add("child");
  const auto end = child.hierarchy.parent_opened({.address = "", .ready = [] {}});
  CHECK(std::holds_alternative<Registration>(child.hierarchy.next(*end).value()));
  SECTION("before it has welcomed") {
    child.hierarchy.received(*end, Operation{});
    CHECK(why_not(child) == "the parent says what it can't say now");
  }
  SECTION("a chain with the child in it") {
    child.hierarchy.received(*end, Welcome{{{"x", 9}, child.identity}});
    CHECK(why_not(child) == kCycle);
  }
  SECTION("a chain that is too long") {
    child.hierarchy.received(*end, Welcome{{{"x", 9}}});
    CHECK(attached(child));
    child.hierarchy.received(*end, ChainChanged{Chain(11, {"x", 9})});
    CHECK(why_not(child) == kTooDeep);
  }
  CHECK_FALSE(attached(child));
  CHECK(child.hierarchy.place().above.empty());
  CHECK(std::holds_alternative<Leave>(child.hierarchy.next(*end).value()));
  CHECK_FALSE(child.hierarchy.next(*end));
}

TEST_CASE("A child that has come to be where it must not be is sent away, whether it knows that or not",
          "[hierarchy]") {
  Talk talk;
  talk.say_hello();
  talk.say(fleet::TopologyUpdate{.revision = 1, .snapshot = tree("child")});
  CHECK(talk.hear());
  const auto uplink = talk.parent.hierarchy.parent_opened({.address = "", .ready = [] {}});
  SECTION("below itself") {
    talk.parent.hierarchy.received(*uplink, Welcome{{{"x", 9}, {"child", 77}}});
    CHECK(talk.hear_refusal().error.text == kCycle);
  }
  SECTION("on the eleventh level") {
    talk.parent.hierarchy.received(*uplink, Welcome{Chain(10, {"x", 9})});
    CHECK(talk.hear_refusal().error.text == kTooDeep);
  }
  CHECK_FALSE(talk.hear());
  CHECK(attached(talk.parent));
  CHECK(text_of(talk.parent) == "parent");
}

TEST_CASE("An operation's time is what a root may give, whatever a parent says", "[hierarchy]") {
  World world;
  Process& child = world.add("child");
  const auto end = child.hierarchy.parent_opened({.address = "", .ready = [] {}});
  child.hierarchy.received(*end, Welcome{{{"parent", 9}}});
  child.hierarchy.received(*end,
                           Operation{.id = 1, .path = {}, .left = std::chrono::milliseconds::max(), .payload = ""});
  CHECK(child.time_left == 10s);
  child.hierarchy.received(*end,
                           Operation{.id = 2, .path = {}, .left = std::chrono::milliseconds::min(), .payload = ""});
  CHECK(child.time_left == 0s);
}

TEST_CASE("What waits for a peer that does not read is bounded, and the newest chain is all it needs", "[hierarchy]") {
  Talk talk;
  talk.say_hello();
  CHECK(talk.hear());
  CHECK_FALSE(talk.hear());
  std::size_t refused = 0;
  for (std::size_t i = 0; i < ParentEnd::kMostOperations + 5; ++i) {
    talk.parent.hierarchy.operate({"child"}, 1, "", lc::test::kNoHurry, [&](const OperationOutcome& outcome) {
      refused += outcome.code == Code::kResourceExhausted;
    });
    talk.parent.announce(std::to_string(i));
  }
  CHECK(talk.ready == 1);
  CHECK(refused == 5);
  for (int i = 0; i < 3; ++i) {
    const auto uplink = talk.parent.hierarchy.parent_opened({.address = "", .ready = [] {}});
    talk.parent.hierarchy.received(*uplink, Welcome{{{"root" + std::to_string(i), 9}}});
  }
  std::vector<Chain> chains;
  std::vector<std::string> media;
  std::size_t operations = 0;
  while (const auto message = talk.hear()) {
    if (const auto* const chain = std::get_if<ChainChanged>(&*message)) chains.push_back(chain->chain);
    if (const auto* const its = std::get_if<Media>(&*message)) media.push_back(its->payload);
    operations += std::holds_alternative<Operation>(*message);
  }
  CHECK(chains == std::vector<Chain>{{talk.parent.identity, {"root2", 9}}});
  CHECK(operations == ParentEnd::kMostOperations);
  CHECK(media.size() == ParentEnd::kMostMedia);
  CHECK(media.front() == "5");
}
