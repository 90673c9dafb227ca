#include "processord/service/link_messages.h"

#include <catch2/catch.hpp>
#include <string>
#include <variant>

using namespace lc;
using namespace lc::processor;
namespace pb = lippycat::link;

namespace {

template <typename What, typename Side>
What there_and_back(const Side& said, const auto& message) {
  auto read = message;
  REQUIRE(read.ParseFromString(message.SerializeAsString()));
  const auto back = from_proto(read);
  REQUIRE(back);
  REQUIRE(*back);
  REQUIRE((*back)->index() == said.index());
  return std::get<What>(**back);
}
template <typename What>
What from_child(const What& what) {
  return there_and_back<What>(FromChild(what), to_proto(FromChild(what), "self"));
}
template <typename What>
What from_parent(const What& what) {
  return there_and_back<What>(FromParent(what), to_proto(FromParent(what)));
}

const Chain kChain = {{.id = "parent", .instance = 1, .token_key = "\xff\x01"},
                      {.id = "root", .instance = 0xffff'ffff'ffff'ffff}};

}  // namespace

TEST_CASE("What a child says arrives whole", "[link_messages]") {
  const auto registration =
      from_child(Registration{.self = {.id = "self", .instance = 7}, .address = "192.0.2.1:5", .height = 3});
  CHECK(registration.self == ProcessorIdentity{.id = "self", .instance = 7});
  CHECK(registration.address == "192.0.2.1:5");
  CHECK(registration.height == 3);
  CHECK(from_child(Leave{"why"}).reason == "why");
  CHECK(from_child(Media{"\xff\x01"}).payload == "\xff\x01");
  const auto answer = from_child(OperationAnswer{
      .id = 9, .outcome = {.code = Code::kNotFound, .text = "no filter", .answered = {"a", "b"}, .payload = "\xff"}});
  CHECK(answer.id == 9);
  CHECK(answer.outcome.code == Code::kNotFound);
  CHECK(answer.outcome.text == "no filter");
  CHECK(answer.outcome.answered == fleet::NodePath{"a", "b"});
  CHECK(answer.outcome.payload.empty());  // it goes with success only
  fleet::FiguresAt told;
  told.path = {"a", "b"};
  told.figures.taken_ns = 5;
  told.figures.hunters.emplace_back().id = std::string("h");
  const auto figures = from_child(told);
  CHECK(figures.path == told.path);
  CHECK(figures.figures.taken_ns == 5);
  REQUIRE(figures.figures.hunters.size() == 1);
  CHECK(figures.figures.hunters[0].id == "h");
}

TEST_CASE("What a parent says arrives whole", "[link_messages]") {
  CHECK(from_parent(Welcome{kChain}).chain == kChain);
  CHECK(from_parent(ChainChanged{kChain}).chain == kChain);
  CHECK(from_parent(Media{"\xff\x01"}).payload == "\xff\x01");
  const auto refusal = from_parent(Refusal{.error = {Code::kAlreadyExists, "in use"}});
  CHECK(refusal.error.code == Code::kAlreadyExists);
  CHECK(refusal.error.text == "in use");
  const auto operation = from_parent(
      Operation{.id = 4, .path = {"a", "b"}, .left = std::chrono::milliseconds(5'500), .kind = 2, .payload = "\xff"});
  CHECK(operation.id == 4);
  CHECK(operation.path == fleet::NodePath{"a", "b"});
  CHECK(operation.left == std::chrono::milliseconds(5'500));
  CHECK(operation.kind == 2);
  CHECK(operation.payload == "\xff");
}

TEST_CASE("A message with nothing set is a sign of life, and an update without an event is an error",
          "[link_messages]") {
  const auto of_child = from_proto(pb::FromChild());
  REQUIRE(of_child);
  CHECK_FALSE(*of_child);
  const auto of_parent = from_proto(pb::FromParent());
  REQUIRE(of_parent);
  CHECK_FALSE(*of_parent);
  pb::FromChild empty;
  empty.mutable_topology();
  CHECK_FALSE(from_proto(empty));
}
