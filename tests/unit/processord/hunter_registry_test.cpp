#include "processord/engine/hunter_registry.h"

#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "tests/support/described_hunter.h"
#include "tests/support/fake_clock.h"
#include "tests/support/recording_peer.h"

using namespace lc;
using namespace lc::processor;
using namespace std::chrono_literals;
using lc::test::FakeClock;
using lc::test::RecordingPeer;

namespace {

constexpr auto kStale = 30s;
constexpr auto kRemoval = 5min;

struct Bench {
  explicit Bench(std::size_t limit = 100) : registry(limit, clock) {}

  Result<std::shared_ptr<Hunter>> add(const std::string& id, std::uint64_t epoch) {
    return registry.register_hunter(lc::test::described_hunter(id, epoch), "192.0.2.1:5");
  }
  std::shared_ptr<Hunter> must_add(const std::string& id, std::uint64_t epoch) {
    Result<std::shared_ptr<Hunter>> hunter = add(id, epoch);
    REQUIRE(hunter);
    return *hunter;
  }
  void pass(Clock::duration time) {
    clock.advance(time);
    registry.judge_silence(kStale, kRemoval);
  }

  FakeClock clock;
  HunterRegistry registry;
};

}  // namespace

TEST_CASE("An id is taken while its hunter lives, by any other epoch and by peers without one", "[hunter_registry]") {
  Bench bench;
  const auto hunter = bench.must_add("h1", 5);
  hunter->link_opened();
  for (const std::uint64_t epoch : {6U, 0U}) {
    const auto second = bench.add("h1", epoch);
    REQUIRE_FALSE(second);
    CHECK(second.error().code == Code::kAlreadyExists);
    CHECK_THAT(second.error().text, Catch::Contains("\"h1\"") && Catch::Contains("host-h1"));
  }
  hunter->link_closed();
  CHECK(bench.add("h1", 6));
}

TEST_CASE("A registration holds its id for a moment, until the first stream", "[hunter_registry]") {
  Bench bench;
  bench.must_add("h1", 5);
  CHECK_FALSE(bench.add("h1", 6));
  bench.clock.advance(11s);
  CHECK(bench.add("h1", 6));
}

TEST_CASE("A connection on which nothing comes for 15 s is closed, and its id is free for a restarted hunter",
          "[hunter_registry]") {
  Bench bench;
  const auto hunter = bench.must_add("h1", 5);
  const auto stream = std::make_shared<RecordingPeer>();
  REQUIRE(hunter->attach(5, stream));
  for (int beat = 0; beat < 10; ++beat) {
    bench.pass(5s);
    hunter->heard_beat(fleet::HunterStatus::kHealthy, {});
  }
  CHECK(stream->closed().empty());
  bench.pass(14s);
  CHECK_FALSE(bench.add("h1", 6));
  bench.pass(2s);
  REQUIRE(stream->closed().size() == 1);
  CHECK_THAT(stream->closed()[0].text, Catch::Contains("silent"));
  CHECK_FALSE(hunter->view().connected);
  CHECK(bench.add("h1", 6));
}

TEST_CASE("A peer without epochs does not take its own id over while it is connected", "[hunter_registry]") {
  Bench bench;
  const auto hunter = bench.must_add("old", 0);
  hunter->link_opened();
  CHECK(bench.add("old", 0).error().code == Code::kAlreadyExists);
  hunter->link_closed();
  CHECK(bench.add("old", 0));
}

TEST_CASE("The same epoch takes over: its old stream is closed and its positions stay", "[hunter_registry]") {
  Bench bench;
  const auto hunter = bench.must_add("h1", 5);
  const auto old_stream = std::make_shared<RecordingPeer>();
  REQUIRE(hunter->attach(5, old_stream));
  CHECK(hunter->arrived(5, 0, 1) == Hunter::Arrival::kNew);
  CHECK(hunter->arrived(5, 0, 2) == Hunter::Arrival::kNew);
  hunter->stored(5, 1);

  CHECK(bench.must_add("h1", 5) == hunter);
  REQUIRE(old_stream->closed().size() == 1);
  CHECK(old_stream->closed()[0].code == Code::kAborted);
  CHECK(hunter->positions().accepted == 2);
  CHECK(hunter->positions().custody == 1);

  // The old stream's clean-up comes when the new one stands.
  const auto new_stream = std::make_shared<RecordingPeer>();
  REQUIRE(hunter->attach(5, new_stream));
  hunter->detach(old_stream.get());
  CHECK_FALSE(hunter->link_closed());
  CHECK(hunter->peer() == new_stream);
  CHECK(hunter->view().connected);
  CHECK(new_stream->closed().empty());
}

TEST_CASE("Clean-up of an old stream between registration and the new stream disconnects nothing",
          "[hunter_registry]") {
  Bench bench;
  const auto hunter = bench.must_add("h1", 5);
  const auto old_stream = std::make_shared<RecordingPeer>();
  REQUIRE(hunter->attach(5, old_stream));
  bench.must_add("h1", 5);
  hunter->detach(old_stream.get());
  CHECK_FALSE(hunter->link_closed());
  CHECK(hunter->view().connected);
  CHECK(hunter->view().status == fleet::HunterStatus::kHealthy);
}

TEST_CASE("A second stream of a hunter closes the first, and only it is resumed", "[hunter_registry]") {
  Bench bench;
  const auto hunter = bench.must_add("h1", 5);
  const auto first = std::make_shared<RecordingPeer>();
  const auto second = std::make_shared<RecordingPeer>();
  REQUIRE(hunter->attach(5, first));
  hunter->hold(first.get());
  REQUIRE(hunter->attach(5, second));
  CHECK(first->closed().size() == 1);
  CHECK(hunter->release() == nullptr);  // the second was never held
  hunter->hold(first.get());            // the first one's thread comes late
  CHECK(hunter->release() == nullptr);
  hunter->hold(second.get());
  CHECK_FALSE(hunter->release(first.get()));
  CHECK(hunter->release() == second);
  CHECK(hunter->release() == nullptr);
}

TEST_CASE("A stream with another epoch than the registered one attaches nowhere", "[hunter_registry]") {
  Bench bench;
  const auto hunter = bench.must_add("h1", 5);
  const auto stream = std::make_shared<RecordingPeer>();
  CHECK_FALSE(hunter->attach(4, stream));
  CHECK(hunter->peer() == nullptr);
}

TEST_CASE("Batches are new once, in each epoch, and void after a loss", "[hunter_registry]") {
  Bench bench;
  const auto hunter = bench.must_add("h1", 5);
  const auto stream = std::make_shared<RecordingPeer>();
  REQUIRE(hunter->attach(5, stream));
  for (const std::uint64_t sequence : {1U, 2U, 3U}) CHECK(hunter->arrived(5, 0, sequence) == Hunter::Arrival::kNew);
  CHECK(hunter->arrived(5, 0, 2) == Hunter::Arrival::kDuplicate);
  CHECK(hunter->arrived(4, 0, 9) == Hunter::Arrival::kVoidStream);
  hunter->stored(5, 1);
  hunter->stored(4, 9);  // of an earlier life of this hunter
  CHECK(hunter->positions().custody == 1);

  hunter->forget_unstored({Code::kUnavailable, "the disk lost it"});
  REQUIRE(stream->closed().size() == 1);
  CHECK(stream->closed()[0].text == "the disk lost it");
  CHECK(hunter->arrived(5, 0, 4) == Hunter::Arrival::kVoidStream);
  const auto again = hunter->attach(5, std::make_shared<RecordingPeer>());
  REQUIRE(again);
  CHECK(again->custody == 1);
  CHECK(hunter->arrived(5, again->incarnation, 2) == Hunter::Arrival::kNew);

  hunter->link_closed();
  hunter->link_closed();
  bench.must_add("h1", 6);
  CHECK(hunter->positions().custody == 0);
  CHECK(hunter->arrived(6, again->incarnation, 1) == Hunter::Arrival::kNew);
}

TEST_CASE("The limit counts hunters that are connected or about to be", "[hunter_registry]") {
  Bench bench(2);
  const auto first = bench.must_add("a", 1);
  first->link_opened();
  bench.must_add("b", 1);
  const auto third = bench.add("c", 1);
  REQUIRE_FALSE(third);
  CHECK(third.error().code == Code::kResourceExhausted);
  CHECK(third.error().text == "maximum number of hunters reached: limit 2");
  CHECK(bench.registry.find("c") == nullptr);
  CHECK(bench.registry.connected() == 2);
  CHECK(bench.add("a", 1));  // its own place
  bench.clock.advance(11s);  // "b" never came
  CHECK(bench.add("c", 1));
}

TEST_CASE("Ids that are none are refused", "[hunter_registry]") {
  Bench bench;
  for (const std::string& id : {std::string(), std::string("a b"), std::string("../x"), std::string(65, 'x')}) {
    const auto hunter = bench.add(id, 1);
    REQUIRE_FALSE(hunter);
    CHECK(hunter.error().code == Code::kInvalidArgument);
  }
}

TEST_CASE("A silent hunter turns ERROR after 30 s, and is well again with its next beat", "[hunter_registry]") {
  Bench bench;
  const auto hunter = bench.must_add("h1", 5);
  hunter->link_opened();
  hunter->heard_beat(fleet::HunterStatus::kHealthy, {});
  bench.pass(29s);
  CHECK(hunter->view().status == fleet::HunterStatus::kHealthy);
  bench.pass(1s);
  CHECK(hunter->view().status == fleet::HunterStatus::kError);
  CHECK_FALSE(hunter->view().connected);
  fleet::HunterStats stats;
  stats.packets_captured = 12;
  hunter->heard_beat(fleet::HunterStatus::kWarning, stats);
  CHECK(hunter->view().status == fleet::HunterStatus::kWarning);
  CHECK(hunter->view().stats.packets_captured == 12);
  CHECK(hunter->view().connected);
  CHECK(hunter->view().connected_for == 30s);
}

TEST_CASE("A hunter that left shows it: ERROR if it broke off, STOPPING if it said so", "[hunter_registry]") {
  Bench bench;
  const auto broken = bench.must_add("broken", 1);
  broken->link_opened();
  CHECK(broken->link_closed());
  const auto stopped = bench.must_add("stopped", 1);
  stopped->link_opened();
  stopped->heard_beat(fleet::HunterStatus::kStopping, {});
  CHECK(stopped->link_closed());
  bench.pass(1min);
  CHECK(broken->view().status == fleet::HunterStatus::kError);
  CHECK_FALSE(broken->view().connected);
  CHECK(stopped->view().status == fleet::HunterStatus::kStopping);
}

TEST_CASE("A hunter that registers and never opens a stream is not shown as connected", "[hunter_registry]") {
  Bench bench;
  const auto hunter = bench.must_add("h1", 5);
  CHECK(hunter->view().connected);
  bench.pass(11s);
  CHECK_FALSE(hunter->view().connected);
  bench.pass(20s);
  CHECK(hunter->view().status == fleet::HunterStatus::kError);
}

TEST_CASE("A hunter is removed five minutes after it left, and resumes where it was when it comes back",
          "[hunter_registry]") {
  Bench bench;
  auto hunter = bench.must_add("h1", 5);
  REQUIRE(hunter->attach(5, std::make_shared<RecordingPeer>()));
  REQUIRE(hunter->arrived(5, 0, 1) == Hunter::Arrival::kNew);
  REQUIRE(hunter->link_closed());
  bench.pass(6min);
  CHECK(bench.registry.find("h1") == hunter);  // its packets are not stored yet
  hunter->stored(5, 1);
  bench.pass(1s);
  CHECK(bench.registry.find("h1") == nullptr);
  CHECK(bench.registry.all().empty());

  hunter = bench.must_add("h1", 5);
  CHECK(hunter->positions().custody == 1);
  CHECK(hunter->arrived(5, hunter->positions().incarnation, 1) == Hunter::Arrival::kDuplicate);
  REQUIRE(hunter->attach(5, std::make_shared<RecordingPeer>()));
  bench.pass(10min);
  CHECK(bench.registry.find("h1") == hunter);  // silent, but connected
}
