// The queue while memory is enough.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/unit/processord_forward/forward_rig.h"

using namespace lc;
using namespace lc::processor;
using namespace lc::processor::test;
using Taken = ForwardQueue::Taken;

TEST_CASE("Batches go up as they came, each lane in its order, and a lane that is paused holds up no other",
          "[forward_queue]") {
  ForwardRig rig({});
  rig->set_connected(true);
  rig.push(kA, 1, 3);
  rig.push(kB, 10, 12);
  rig->set_flow(rig.lane(kA), packet::Flow::kPause);
  CHECK(rig.send(kA).empty());
  CHECK(rig.send(kB) == sequences(10, 12));
  rig->set_flow(rig.lane(kA), packet::Flow::kContinue);
  CHECK(rig.send(kA) == sequences(1, 3));
}

TEST_CASE("While memory is enough custody follows the parent's acknowledgement, and nothing is on disk",
          "[forward_queue]") {
  ForwardRig rig({});
  rig->set_connected(true);
  rig.push(kA, 1, 5);
  rig.work();
  CHECK(rig.send(kA) == sequences(1, 5));
  CHECK(rig->custody(kA) == 0);
  rig->acknowledge(rig.lane(kA), 3);
  CHECK(rig->custody(kA) == 3);
  CHECK(rig.custody_of == std::vector<std::string>{kA.key});
  CHECK(rig->custody({kA.key, 1}) == 0);
  rig->acknowledge(rig.lane(kA), 5);
  rig.work();
  CHECK(rig->custody(kA) == 5);
  CHECK_FALSE(rig->pending(rig.lane(kA)));
  CHECK(rig.segments() == 0);
  CHECK(rig->usage().acknowledged == packets_of(1) + packets_of(2) + packets_of(3) + packets_of(4) + packets_of(5));
}

TEST_CASE("What is pushed again is passed over, and what the parent had before it came as well", "[forward_queue]") {
  ForwardRig rig({});
  rig->set_connected(true);
  CHECK(rig.push(kA, 1, 4) == Taken::kNew);
  CHECK(rig.push(kA, 4, 4) == Taken::kRepeated);
  CHECK(rig.push(kA, 2, 2) == Taken::kRepeated);
  CHECK(rig.push({kA.key, 1}, 2, 2) == Taken::kNew);  // another session
  rig->rewind(rig.lane(kA), 9);                       // an earlier process had sent it
  CHECK(rig->custody(kA) == 9);
  CHECK(rig.push(kA, 5, 9) == Taken::kRepeated);
  CHECK(rig.push(kA, 10, 10) == Taken::kNew);
  CHECK(rig.send(kA) == Sequences{10});
}

TEST_CASE("A new stream sends what is not acknowledged again, and what an earlier one had sent may be acknowledged",
          "[forward_queue]") {
  ForwardRig rig({});
  rig->set_connected(true);
  rig.push(kA, 1, 8);
  CHECK(rig.send(kA) == sequences(1, 8));
  rig->acknowledge(rig.lane(kA), 2);
  rig->rewind(rig.lane(kA), 4);
  CHECK(rig->next(rig.lane(kA))->sequence == 5);
  rig->acknowledge(rig.lane(kA), 7);
  CHECK(rig.send(kA) == Sequences{8});
  rig->acknowledge(rig.lane(kA), 1'000);  // of what was pushed, no more than that counts
  CHECK(rig.push(kA, 9, 9) == Taken::kNew);
  CHECK(rig.send(kA) == Sequences{9});
}

TEST_CASE("A hunter's new session waits until the one before it is acknowledged", "[forward_queue]") {
  ForwardRig rig({});
  rig->set_connected(true);
  const Origin later{kA.key, 99};
  rig.push(kA, 1, 2);
  rig.push(later, 1, 2);
  CHECK(rig.lane(later) == nullptr);
  CHECK(rig.send(kA) == sequences(1, 2));
  rig->acknowledge(rig.lane(kA), 1);
  CHECK(rig.lane(later) == nullptr);
  rig->acknowledge(rig.lane(kA), 2);
  CHECK(rig.send(later) == sequences(1, 2));
  CHECK(rig->custody(kA) == 2);
}

TEST_CASE("A lane is named once when it has something to send, whatever comes, until it was found to have nothing",
          "[forward_queue]") {
  ForwardRig rig({});
  rig->set_connected(true);
  for (int i = 0; i < 1'000; ++i) {
    const Origin origin{"proc-1/h" + std::to_string(i), 1};
    rig.push(origin, 1, 3, 10);
  }
  CHECK(rig.told.size() == 1'000);
  for (const auto& [name, lane] : rig.lanes) rig.send(lane->origin());
  rig.told.clear();
  rig.push(kA, 1, 1, 10);
  rig.push({"proc-1/h500", 1}, 4, 9, 10);
  CHECK(rig.told == std::vector<std::string>{kA.key, "proc-1/h500"});
}

TEST_CASE("When the parent is back each lane is named that has anything, sent or not", "[forward_queue]") {
  ForwardRig rig({});
  rig.push(kA, 1, 2);
  rig.push(kB, 1, 2);
  CHECK(rig.send(kA) == sequences(1, 2));
  rig.told.clear();
  rig->set_connected(true);
  CHECK(rig.told.size() == 2);
}

TEST_CASE("A lane told to slow down keeps little out", "[forward_queue]") {
  ForwardRig rig({.limits = {.window_bytes = 100'000, .slow_bytes = 3'000}});
  rig->set_connected(true);
  rig.push(kA, 1, 10);
  rig->set_flow(rig.lane(kA), packet::Flow::kSlow);
  CHECK(rig.send(kA) == sequences(1, 3));
  CHECK_FALSE(rig->has_next(rig.lane(kA)));
  rig->acknowledge(rig.lane(kA), 1);
  CHECK(rig.send(kA) == Sequences{4});
  rig->rewind(rig.lane(kA), 1);  // a new stream is told nothing yet
  CHECK(rig.send(kA) == sequences(2, 10));
}

TEST_CASE("Without a spool a flood is refused before it takes all memory, and its sender is told of room",
          "[forward_queue]") {
  ForwardRig rig({.spools = false});
  rig->set_connected(true);
  CHECK(rig.push(kA, 1, 50) == Taken::kNew);
  CHECK(rig.push(kA, 51, 51) == Taken::kRefused);
  CHECK(rig.push(kB, 1, 25) == Taken::kNew);
  CHECK(rig.push(kB, 26, 26) == Taken::kRefused);
  for (int i = 0; i < 40; ++i) {
    CHECK(rig.push({"proc-2/h" + std::to_string(i), 1}, 1, 1) == Taken::kNew);  // one always fits
  }
  CHECK(rig->usage().bytes <= 120'000);
  rig.send(kA);
  rig.send(kB);
  rig->acknowledge(rig.lane(kB), 25);
  CHECK(rig.room_for == std::vector<std::string>{kB.key});
  rig->acknowledge(rig.lane(kA), 45);
  CHECK(rig.room_for == std::vector<std::string>{kB.key, kA.key});
  CHECK(rig.push(kA, 51, 51) == Taken::kNew);
  CHECK(rig->custody(kA) == 45);
  CHECK(adds_up(rig->usage()));
  CHECK(rig->save(std::chrono::milliseconds(0)) == rig->usage().in_flight);  // there is nowhere to put it
}

TEST_CASE("Of hunters that come and go the ones heard of last are remembered", "[forward_queue]") {
  ForwardRig rig({});
  rig->set_connected(true);
  const auto hunter = [](int i) { return Origin{"proc-1/h" + std::to_string(i), 1}; };
  rig.push(kA, 1, 1, 10);  // and stays
  for (int i = 0; i < 11'200; ++i) {
    rig.push(hunter(i), 1, 1, 10);
    rig->acknowledge(rig.lane(hunter(i)), 1);
    rig.lanes.erase({hunter(i).key, 1});
  }
  CHECK(rig->usage().origins == 11'000);
  CHECK(rig->custody(hunter(11'199)) == 1);
  CHECK(rig->custody(hunter(0)) == 0);
  CHECK(rig.send(kA) == Sequences{1});
  CHECK(rig->usage().acknowledged == 11'200 * packets_of(1));
}
