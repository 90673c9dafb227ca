// An engine below a parent: custody, room and repetitions, with the parent's part played by the test.
#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "common/base/guarded.h"
#include "processord/engine/engine.h"
#include "tests/support/described_hunter.h"
#include "tests/support/numbered_packets.h"
#include "tests/support/recording_peer.h"

using namespace lc;
using namespace lc::processor;
using namespace lc::test;

namespace {

const TimeSource kTime;

EngineSettings below_a_parent(const TempDir& dir, bool stores) {
  EngineSettings settings;
  settings.processor_id = "p1";
  if (stores) settings.write_file = dir.file("x.pcap");
  settings.state_dir = dir.file("state");
  settings.sync = SyncPolicy::kNever;
  settings.forward = ForwardSettings();
  return settings;
}

/// A stream of the hunter's, and the lane that its batches are in.
struct Stream {
  Stream(Engine& processor, const std::string& hunter, std::uint64_t stream_epoch, std::uint32_t packets = 1)
      : engine(processor), id(hunter), epoch(stream_epoch), per_batch(packets) {
    const auto answer = engine.register_hunter(described_hunter(id, epoch), "192.0.2.1:1");
    if (!answer) throw std::runtime_error(answer.error().text);
    resume_after = answer->resume_after;
  }

  Result<Engine::Verdict> send(std::uint64_t sequence, std::size_t size = 60) {
    packet::Batch batch = make_batch({.hunter = id,
                                      .epoch = epoch,
                                      .sequence = sequence,
                                      .first_number = static_cast<std::uint32_t>(sequence - 1) * per_batch,
                                      .packets = per_batch,
                                      .size = size});
    if (!ingest.hunter) ingest = *engine.attach(batch.header(), peer);
    return engine.accept(ingest, std::move(batch));
  }
  [[nodiscard]] std::uint64_t acknowledged() const { return engine.control(ingest).acknowledged; }

  Engine& engine;
  const std::string id;
  const std::uint64_t epoch;
  const std::uint32_t per_batch;
  std::uint64_t resume_after = 0;
  std::shared_ptr<RecordingPeer> peer = std::make_shared<RecordingPeer>();
  Ingest ingest;
};

/// What a parent does, by hand.
struct Parent {
  explicit Parent(Engine& engine) : queue(engine.forwarder()->queue()) {
    engine.forwarder()->on_sendable([this](const ForwardQueue::LanePointer& lane) {
      told.with([&](auto& lanes) {
        if (std::ranges::find(lanes, lane) == lanes.end()) lanes.push_back(lane);
      });
    });
    queue.set_connected(true);
  }
  /// The sequences of what the lane has to send, and the epoch that its batches carry.
  std::vector<std::uint64_t> take(const ForwardQueue::LanePointer& lane) {
    std::vector<std::uint64_t> sequences;
    while (const auto next = queue.next(lane)) {
      const auto batch = packet::Batch::parse(next->bytes);
      if (!batch || batch->header().epoch != lane->origin().epoch) throw std::logic_error("no batch of this lane");
      sequences.push_back(batch->header().sequence);
    }
    return sequences;
  }

  [[nodiscard]] std::vector<ForwardQueue::LanePointer> lanes() const {
    return told.with([](const auto& lanes) { return lanes; });
  }

  ForwardQueue& queue;
  Guarded<std::vector<ForwardQueue::LanePointer>> told;
};

}  // namespace

TEST_CASE("A processor below another has custody of what the parent has, and not before", "[engine][forward]") {
  const TempDir dir;
  Engine engine(below_a_parent(dir, true), kTime);
  Parent parent(engine);
  engine.start();
  Stream hunter(engine, "h1", 7);
  for (std::uint64_t sequence = 1; sequence <= 3; ++sequence) REQUIRE(hunter.send(sequence));
  REQUIRE(parent.lanes().size() == 1);
  const auto lane = parent.lanes().front();
  CHECK(lane->origin().key == "h1");
  CHECK(lane->origin().epoch == 7);
  CHECK(parent.take(lane) == std::vector<std::uint64_t>{1, 2, 3});
  while (engine.statistics().stored < 3) std::this_thread::yield();
  CHECK(hunter.acknowledged() == 0);
  parent.queue.acknowledge(lane, 2);
  CHECK(hunter.acknowledged() == 2);
  parent.queue.acknowledge(lane, 3);
  REQUIRE(hunter.peer->wait([&] { return hunter.acknowledged() == 3; }));
  CHECK(engine.statistics().forward->acknowledged == 3);
  CHECK(engine.statistics().forward->in_flight == 0);
}

TEST_CASE("What was stored before a restart and not forwarded comes again for the parent alone", "[engine][forward]") {
  const TempDir dir;
  {
    Engine engine(below_a_parent(dir, true), kTime);
    engine.start();
    Stream hunter(engine, "h1", 7);
    for (std::uint64_t sequence = 1; sequence <= 3; ++sequence) REQUIRE(hunter.send(sequence));
    while (engine.statistics().stored < 3) std::this_thread::yield();
  }
  Engine engine(below_a_parent(dir, true), kTime);
  Parent parent(engine);
  engine.start();
  Stream hunter(engine, "h1", 7);
  CHECK(hunter.resume_after == 0);
  for (std::uint64_t sequence = 1; sequence <= 4; ++sequence) REQUIRE(hunter.send(sequence));
  REQUIRE(parent.lanes().size() == 1);
  CHECK(parent.take(parent.lanes().front()) == std::vector<std::uint64_t>{1, 2, 3, 4});
  parent.queue.acknowledge(parent.lanes().front(), 4);
  REQUIRE(hunter.peer->wait([&] { return hunter.acknowledged() == 4; }));
  engine.stop();
  CHECK(engine.statistics().received == 1);
  CHECK(engine.statistics().duplicates == 3);
  check_complete(all_stored_numbers(dir), 1, 4);
}

TEST_CASE("What the parent stored before a restart is not asked for again", "[engine][forward]") {
  const TempDir dir;
  Engine engine(below_a_parent(dir, false), kTime);
  Parent parent(engine);
  engine.start();
  Stream hunter(engine, "h1", 7);
  REQUIRE(hunter.send(1));
  parent.queue.rewind(parent.lanes().front(), 5);  // it has had more, from an earlier process
  for (std::uint64_t sequence = 2; sequence <= 6; ++sequence) REQUIRE(hunter.send(sequence));
  CHECK(parent.take(parent.lanes().front()) == std::vector<std::uint64_t>{6});
}

TEST_CASE("A peer without epochs is forwarded under one of its own, and a new one when it counts anew",
          "[engine][forward]") {
  const TempDir dir;
  Engine engine(below_a_parent(dir, false), kTime);
  Parent parent(engine);
  engine.start();
  Stream hunter(engine, "old", 0);
  REQUIRE(hunter.send(8));
  REQUIRE(hunter.send(9));
  REQUIRE(parent.lanes().size() == 1);
  CHECK(parent.lanes()[0]->origin().epoch != 0);
  CHECK(parent.take(parent.lanes()[0]) == std::vector<std::uint64_t>{8, 9});
  parent.queue.acknowledge(parent.lanes()[0], 9);
  REQUIRE(hunter.peer->wait([&] { return hunter.acknowledged() == 9; }));
  REQUIRE(hunter.send(1));
  REQUIRE(parent.lanes().size() == 2);
  CHECK(parent.lanes()[1]->origin().epoch != parent.lanes()[0]->origin().epoch);
  CHECK(parent.take(parent.lanes()[1]) == std::vector<std::uint64_t>{1});
}

TEST_CASE("Without room on the way to the parent a hunter waits, and nothing is lost or turned round",
          "[engine][forward]") {
  const TempDir dir;
  EngineSettings settings = below_a_parent(dir, true);
  settings.forward->limits.window_bytes = 4'000;
  Engine engine(settings, kTime);
  Parent parent(engine);
  engine.start();
  Stream hunter(engine, "h1", 7);
  std::uint64_t last = 0;
  Result<Engine::Verdict> verdict = Engine::Verdict::kGoOn;
  while (last < 100 && *verdict == Engine::Verdict::kGoOn) {
    verdict = hunter.send(++last, 1'000);
    REQUIRE(verdict);
  }
  REQUIRE(*verdict == Engine::Verdict::kHold);
  REQUIRE(last > 1);
  const auto lane = parent.lanes().front();
  std::vector<std::uint64_t> taken = parent.take(lane);
  CHECK(taken.size() == last - 1);
  CHECK(hunter.peer->resumes() == 0);
  parent.queue.acknowledge(lane, taken.back());
  REQUIRE(hunter.peer->take_resume());
  CHECK(parent.take(lane) == std::vector<std::uint64_t>{last});
  parent.queue.acknowledge(lane, last);
  REQUIRE(hunter.peer->wait([&] { return hunter.acknowledged() == last; }));
}

TEST_CASE("A child's streams are closed when it is not attached any more, and its hunters kept apart by their paths",
          "[engine][forward]") {
  const TempDir dir;
  EngineSettings settings = below_a_parent(dir, true);
  settings.forward.reset();
  std::optional<Engine> first(std::in_place, settings, kTime);
  Engine& engine = *first;
  engine.start();
  const auto peer = std::make_shared<RecordingPeer>();
  const RelayedOrigin origin{.path = {"edge", "deep"}, .hunter_id = "h1", .epoch = 7};
  CHECK(engine.attach_relayed({.path = {}, .hunter_id = "h1", .epoch = 7}, peer).error().code ==
        Code::kInvalidArgument);
  CHECK(engine.attach_relayed({.path = {"edge"}, .hunter_id = "h1", .epoch = 0}, peer).error().code ==
        Code::kInvalidArgument);
  CHECK(engine.attach_relayed({.path = {"edge"}, .hunter_id = "a/b", .epoch = 7}, peer).error().code ==
        Code::kInvalidArgument);

  Stream own(engine, "h1", 7);
  REQUIRE(own.send(1));
  const auto relayed = engine.attach_relayed(origin, peer);
  REQUIRE(relayed);
  CHECK(engine.accept(*relayed, make_batch({.hunter = "h2", .epoch = 7})).error().code == Code::kInvalidArgument);
  for (std::uint64_t sequence = 1; sequence <= 2; ++sequence) {
    REQUIRE(engine.accept(*relayed, make_batch({.hunter = "h1",
                                                .epoch = 7,
                                                .sequence = sequence,
                                                .sender = 2,
                                                .first_number = static_cast<std::uint32_t>(sequence - 1)})));
  }
  REQUIRE(peer->wait([&] { return engine.control(*relayed).acknowledged == 2; }));
  CHECK(engine.hunters().all().size() == 1);
  CHECK(engine.statistics().hunters == 1);
  engine.close_relayed([](const std::string& child) { return child == "edge"; });
  CHECK(peer->closed().empty());
  engine.close_relayed([](const std::string&) { return false; });
  REQUIRE(peer->closed().size() == 1);
  CHECK(peer->closed().front().text == "processor \"edge\" is not attached to this one");
  engine.detach(*relayed, peer.get());
  engine.stop();
  CHECK(engine.statistics().received == 3);
  check_complete(stored_numbers(dir.file("x.pcap")), 1, 1);
  check_complete(stored_numbers(dir.file("x.pcap")), 2, 2);

  first.reset();
  Engine after(settings, kTime);
  after.start();
  const auto again = after.attach_relayed(origin, peer);
  REQUIRE(again);
  CHECK(after.control(*again).acknowledged == 2);
  const auto other = after.attach_relayed({.path = {"edge", "deep"}, .hunter_id = "h1", .epoch = 8}, peer);
  REQUIRE(other);
  CHECK(after.control(*other).acknowledged == 0);
}
