#include "processord/engine/local_hunter.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/base/signals.h"
#include "processord/engine/local_filters.h"
#include "tests/support/described_hunter.h"
#include "tests/support/disk_faults.h"
#include "tests/support/fake_clock.h"
#include "tests/support/filters.h"
#include "tests/support/numbered_packets.h"
#include "tests/unit/capture/capture_judges.h"

using namespace lc;
using namespace lc::processor;
using namespace lc::test;
using namespace std::chrono_literals;
using lc::capture::test::TempDir;
using packet::FlowSignal;

namespace {

const TimeSource kTime;
const auto kNever = [] { return false; };

EngineSettings settings(const TempDir& dir, SyncPolicy sync = SyncPolicy::kNever) {
  fleet::HunterDescription here = described_hunter("here");
  here.features = {std::string(fleet::kFilterSnapshotFeature)};
  return {.processor_id = "p1",
          .write_file = (dir.path() / "x.pcap").string(),
          .state_dir = (dir.path() / "state").string(),
          .filter_file = "",
          .sync = sync,
          .local_hunter = here};
}

/// A capture thread: numbers its packets, and waits while the sink is full.
void hand_in(LocalHunter& sink, std::uint32_t sender, std::uint32_t packets, std::size_t size = 200) {
  packet::SlabPool pool(0);
  packet::BatchBuilder builder(pool, "eth0", 0);
  packet::SinkListener listener;
  sink.add_listener(listener);
  const auto submit = [&] {
    listener.waiting = true;
    while (sink.signal() == FlowSignal::kFull) wait_readable({listener.wake_up.fd()}, 20ms);
    listener.wake_up.drain();
    sink.submit(builder, {});
  };
  for (std::uint32_t number = 0; number < packets; ++number) {
    const auto bytes = numbered_bytes({sender, number}, size);
    const packet::PacketView packet = view_of(bytes, 1'700'000'000'000'000'000);
    if (!builder.append(packet, 147)) {
      submit();
      if (!builder.append(packet, 147)) throw std::logic_error("an empty batch has room");
    }
    if (builder.packets() == 16) submit();
  }
  if (!builder.empty()) submit();
  sink.remove_listener(listener);
}

}  // namespace

TEST_CASE("What several threads capture is stored once and in order, and acknowledged when it is", "[local_hunter]") {
  const TempDir dir;
  Engine engine(settings(dir), kTime);
  engine.start();
  const auto local = LocalHunter::open(engine, {});
  {
    std::vector<std::jthread> threads;
    for (std::uint32_t sender = 1; sender <= 3; ++sender) {
      threads.emplace_back([&, sender] { hand_in(*local, sender, 5000); });
    }
  }
  REQUIRE(local->finish(20s, kNever));
  CHECK(local->queue().usage().acknowledged_packets == 15'000);
  CHECK(engine.statistics().stored == 15'000);
  CHECK(engine.statistics().duplicates == 0);
  local->stop();
  engine.stop();
  const auto numbers = stored_numbers((dir.path() / "x.pcap").string());
  for (std::uint32_t sender = 1; sender <= 3; ++sender) check_complete(numbers, sender, 5000);
}

TEST_CASE("While the disk takes nothing the capture side is told to wait, and nothing is lost or doubled afterwards",
          "[local_hunter]") {
  const TempDir dir;
  Engine engine(settings(dir), kTime);
  DiskFaults disk;
  disk.write_error = ENOSPC;
  engine.start();
  const packet::SendQueue::Limits limits{.window_bytes = std::size_t{24} << 20, .queue_packets = 1000};
  const auto local = LocalHunter::open(engine, limits);
  constexpr std::uint32_t kPackets = 40'000;  // of 1,000 bytes: more than the engine and the queue may hold
  std::jthread thread([&] { hand_in(*local, 1, kPackets, 1000); });
  while (local->signal() != FlowSignal::kFull) std::this_thread::yield();
  CHECK(local->queue().usage().acknowledged_packets == 0);
  CHECK(local->queue().usage().bytes <= limits.window_bytes + (std::size_t{1} << 20));
  disk.write_error = 0;
  thread.join();
  REQUIRE(local->finish(20s, kNever));
  local->stop();
  engine.stop();
  check_complete(all_stored_numbers(dir), 1, kPackets);
}

TEST_CASE("What a failed fdatasync takes back is handed over again", "[local_hunter]") {
  const TempDir dir;
  Engine engine(settings(dir, SyncPolicy::kAlways), kTime);
  DiskFaults disk;
  engine.start();
  const auto local = LocalHunter::open(engine, {});
  hand_in(*local, 1, 100);
  REQUIRE(local->finish(10s, kNever));
  disk.failing_syncs = 1;
  hand_in(*local, 2, 3000);
  REQUIRE(local->finish(20s, kNever));
  CHECK(disk.failing_syncs == 0);
  local->stop();
  engine.stop();
  const auto numbers = all_stored_numbers(dir);
  check_complete(numbers, 1, 100);
  check_complete(numbers, 2, 3000);
}

TEST_CASE("The local hunter holds its place and its id for ever, however long nothing is heard of it",
          "[local_hunter]") {
  FakeClock clock;
  HunterRegistry registry(2, clock);
  const auto local = registry.register_hunter(described_hunter("here", 7), "local");
  REQUIRE(local);
  (*local)->keep_place();
  clock.advance(24h);
  registry.judge_silence(30s, 5min);
  CHECK((*local)->view().connected);
  CHECK((*local)->view().status == fleet::HunterStatus::kHealthy);
  for (const std::uint64_t epoch : {7U, 8U}) {
    const auto refused = registry.register_hunter(described_hunter("here", epoch), "192.0.2.1:1");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::kAlreadyExists);
  }
  CHECK(registry.register_hunter(described_hunter("a"), "192.0.2.1:1"));
  const auto one_too_many = registry.register_hunter(described_hunter("b"), "192.0.2.1:2");
  REQUIRE_FALSE(one_too_many);
  CHECK(one_too_many.error().code == Code::kResourceExhausted);
}

TEST_CASE("Filters of the table that concern the local hunter are in force at its start and after each change",
          "[local_hunter]") {
  const TempDir dir;
  Engine engine(settings(dir), kTime);
  engine.start();
  const auto local = LocalHunter::open(engine, {});
  calls::Selector selector(calls::NoFilterPolicy::kAll);
  capture::CapturePipeline pipeline({}, selector, *local, {}, [] {});
  capture::ActiveFilters active("", selector, pipeline);
  const auto put = [&](fleet::Filter filter) {
    std::promise<std::uint64_t> answered;
    engine.filters().upsert(std::move(filter), [&](const auto& change) { answered.set_value(change->revision); });
    return answered.get_future().get();
  };
  put(ip_filter("before"));
  capture::Reporter reporter(local->queue(), pipeline, active, {}, "");
  LocalFilters filters(engine, "here", active, [&] { local->beat(reporter.report()); });
  filters.start();
  CHECK(active.count() == 1);

  put(ip_filter("elsewhere", {"there"}));
  std::promise<FilterOutcome> confirmed;
  engine.update_filter(ip_filter("mine", {"here"}),
                       [&](const Result<FilterOutcome>& outcome) { confirmed.set_value(*outcome); });
  // The answer waits for the hunters that it concerns: this one has confirmed.
  const FilterOutcome outcome = confirmed.get_future().get();
  CHECK(outcome.hunters_updated == 1);
  CHECK(outcome.hunters_pending == 0);
  CHECK(active.count() == 2);
  CHECK(active.revision() == outcome.revision);
  local->stop();
  engine.stop();
}
