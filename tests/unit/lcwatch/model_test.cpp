#include "lcwatch/model/model.h"

#include <catch2/catch.hpp>

#include "tests/support/fake_remote.h"

using namespace lc;
using namespace lc::watch;
using namespace lc::test;

namespace {

Moment at(std::int64_t seconds) {
  return {Clock::time_point(std::chrono::seconds(1'000 + seconds)), kSomeTime_ns + seconds * 1'000'000'000};
}

}  // namespace

TEST_CASE("Rates are made of successive figures, and a restart is no flood", "[lcwatch][model]") {
  Model model({"noc"});
  model.apply(TreeCame{.server = 0, .tree = tree("noc", {"h1"})}, at(0));
  model.apply(some_figures({}, {"h1"}, 1, 1'000), at(1));
  const NodeKey root{};
  CHECK(model.figures().processor(root)->packets_per_s == 0);
  model.apply(some_figures({}, {"h1"}, 3, 1'000), at(3));
  CHECK(model.figures().processor(root)->packets_per_s == Approx(1'000));
  CHECK(model.figures().processor(root)->bits_per_s == Approx(1'000 * 800 * 8));
  CHECK(model.figures().hunter({0, {}, "h1"})->packets_per_s == Approx(1'000));
  model.advance(at(4));
  CHECK(model.packets_per_s().values().back() == Approx(1'000));
  model.apply(some_figures({}, {"h1"}, 4, 1), at(4));
  CHECK(model.figures().processor(root)->packets_per_s == 0);
  model.advance(at(60));
  CHECK(model.packets_per_s().values().back() == 0);
}

TEST_CASE("Figures of nodes that have gone are forgotten", "[lcwatch][model]") {
  Model model({"noc"});
  model.apply(TreeCame{.server = 0, .tree = some_tree()}, at(0));
  model.apply(some_figures({"east"}, {"h3"}, 1), at(1));
  REQUIRE(model.figures().hunter({0, {"east"}, "h3"}) != nullptr);
  model.apply(TreeCame{.server = 0, .tree = tree("noc", {"h1"})}, at(2));
  CHECK(model.figures().hunter({0, {"east"}, "h3"}) == nullptr);
}

TEST_CASE("Figures of who is not in the tree are not kept, and a hunter that leaves takes its own with it",
          "[lcwatch][model]") {
  Model model({"noc"});
  model.apply(some_figures({}, {"h1"}, 1), at(1));
  CHECK(model.figures().processor({}) == nullptr);
  const fleet::ProcessorTree before = tree("noc", {"h1", "h2"});
  model.apply(TreeCame{.server = 0, .tree = before}, at(1));
  model.apply(some_figures({}, {"h1", "h2", "stranger"}, 1), at(1));
  model.apply(some_figures({"nowhere"}, {"h9"}, 1), at(1));
  CHECK(model.figures().hunter({0, {}, "h2"}) != nullptr);
  CHECK(model.figures().hunter({0, {}, "stranger"}) == nullptr);
  CHECK(model.figures().processor({0, {"nowhere"}, {}}) == nullptr);
  const fleet::TreeChange left{.time_ns = 1, .path = {}, .event = fleet::HunterDisconnected{"h2", "it has stopped"}};
  model.apply(TreeCame{.server = 0,
                       .tree = *fleet::apply_change(before, left),
                       .change = std::make_shared<const fleet::TreeChange>(left)},
              at(2));
  CHECK(model.figures().hunter({0, {}, "h2"}) == nullptr);
  CHECK(model.figures().hunter({0, {}, "h1"}) != nullptr);
}

TEST_CASE("A filter is applied by those of its hunters that have the revision", "[lcwatch][model]") {
  Model model({"noc"});
  model.apply(TreeCame{.server = 0, .tree = tree("noc", {"h1", "h2"})}, at(0));
  model.apply(some_figures({}, {"h1", "h2"}, 1), at(1));
  CHECK(model.figures().applied({}, {}).have == 1);
  CHECK(model.figures().applied({}, {}).targeted == 2);
  CHECK(model.figures().applied({}, {"h2"}).have == 0);
  CHECK(model.figures().applied({}, {"h1"}).have == 1);
}

TEST_CASE("A million packets leave the model as small as ten thousand", "[lcwatch][model]") {
  Model model({"noc"});
  for (std::uint64_t from = 1; from < 1'000'000; from += 5'000) {
    PacketsCame came{.packets = {}, .offered = from + 4'999, .skipped = from / 10};
    came.packets.resize(5'000);
    const auto bytes = std::make_shared<const std::string>(4'000, 'x');
    for (PacketRow& row : came.packets) row.bytes = bytes;
    model.apply(std::move(came), at(1));
    CHECK(model.packets().bytes() <= PacketRing::kMostBytes);
    CHECK(model.packets().end() - model.packets().first() <= PacketRing::kMostRows);
  }
  CHECK(model.packets().offered() == 1'000'000);
  CHECK(model.packets().skipped() == 99'500);
  CHECK(model.packets().end() == 1'000'000);
  CHECK(model.packets().find(model.packets().first()) != nullptr);
  CHECK(model.packets().find(0) == nullptr);
}

TEST_CASE("A snapshot of calls takes away those that are not in it, of its processor only", "[lcwatch][model]") {
  Model model({"noc", "lab"});
  CallCame other = some_call("c1");
  other.server = 1;
  for (const Update& update : std::vector<Update>{CallsBegin{}, some_call("c1"), some_call("c2"), CallsComplete{}}) {
    model.apply(update, at(0));
  }
  model.apply(other, at(0));
  for (const Update& update : std::vector<Update>{CallsBegin{}, some_call("c2", "ended")}) model.apply(update, at(1));
  CHECK(model.calls().size() == 3);  // none is gone before the snapshot is complete
  model.apply(CallsComplete{}, at(1));
  CHECK(model.calls().size() == 2);
  CHECK(model.calls().find({0, "c1"}) == nullptr);
  CHECK(model.calls().find({0, "c2"})->state == "ended");
  CHECK(model.calls().active() == 1);
  model.apply(CallGone{.server = 1, .id = "c1"}, at(2));
  CHECK(model.calls().size() == 1);
}

TEST_CASE("Messages of a call stay when an update comes without them", "[lcwatch][model]") {
  Model model({"noc"});
  model.apply(some_call("c1", "active", true), at(0));
  model.apply(some_call("c1", "ended"), at(1));
  CHECK(model.calls().find({0, "c1"})->state == "ended");
  CHECK(model.calls().find({0, "c1"})->messages.size() == 9);
}

TEST_CASE("Events are told once, with their severity, and are bounded", "[lcwatch][model]") {
  Model model({"noc"});
  const auto down = [](const std::string& reason) {
    return StreamChanged{.server = 0, .stream = StreamKind::kPackets, .up = false, .reason = reason, .retry_at = {}};
  };
  model.apply(StreamChanged{.stream = StreamKind::kPackets, .up = true}, at(0));
  model.apply(down("reset"), at(1));
  for (int i = 0; i < 5; ++i) model.apply(down("refused"), at(2 + i));
  CHECK(model.events().events().size() == 3);
  CHECK(model.stream(0, StreamKind::kPackets).lost->steady == at(1).steady);
  CHECK(model.stream(0, StreamKind::kCalls).at == StreamState::At::kConnecting);
  const auto change = [](fleet::TreeEvent event) {
    return std::make_shared<const fleet::TreeChange>(
        fleet::TreeChange{.time_ns = 5, .path = {"east"}, .event = std::move(event)});
  };
  model.apply(TreeCame{.server = 0,
                       .tree = some_tree(),
                       .change = change(fleet::HunterDisconnected{.id = "h3", .reason = "its link broke"})},
              at(9));
  CHECK(model.events().events().back().text == "hunter h3 is gone: its link broke");
  CHECK(model.events().events().back().where == "/east");
  CHECK(model.events().events().back().severity == Severity::kWarning);
  for (int i = 0; i < 5'000; ++i) model.note(at(10), Severity::kInfo, "noc", "again");
  CHECK(model.events().events().size() == EventLog::kMost);
}

TEST_CASE("An operation's outcome is told, and a refusal makes the processor read-only", "[lcwatch][model]") {
  Model model({"noc"});
  model.began(7, {0, {"east"}, {}}, "add filter x");
  model.apply(OperationDone{.operation = 7, .status = Error{Code::kPermissionDenied, "role viewer"}}, at(1));
  const auto outcomes = model.take_outcomes();
  REQUIRE(outcomes.size() == 1);
  CHECK(outcomes[0].text == "add filter x: role viewer");
  CHECK(model.refused(0));
  CHECK(model.take_outcomes().empty());
  model.apply(OperationDone{.operation = 7}, at(2));  // nobody asked for it any more
  CHECK(model.take_outcomes().empty());
}
