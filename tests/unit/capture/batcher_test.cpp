#include "common/capture/batcher.h"

#include <catch2/catch.hpp>
#include <random>
#include <vector>

#include "tests/support/fake_clock.h"
#include "tests/support/recording_sink.h"

using namespace lc;
using namespace lc::capture;
using namespace lc::test;
using namespace std::chrono_literals;
using packet::FlowSignal;

namespace {

struct Bench {
  explicit Bench(BatchLimits limits = {})
      : batcher(
            pool, sink, limits, "eth0", 2, [] { return packet::BatchStats{.total_captured = 11}; }, clock) {}

  void add(std::uint32_t count, std::size_t size = 60) {
    for (std::uint32_t i = 0; i < count; ++i) batcher.add(view_of(numbered_bytes({1, next++}, size), 7), 147);
  }

  FakeClock clock;
  packet::SlabPool pool;
  RecordingSink sink;
  packet::SinkListener listener;
  Batcher batcher;
  std::uint32_t next = 0;
};

using Sizes = std::vector<std::size_t>;

}  // namespace

TEST_CASE("A batch is cut at its number of packets, and grows while the writer is behind", "[batcher]") {
  Bench bench({.packets = 64, .grown_packets = 512, .fresh = 0us});
  bench.add(130);
  CHECK(bench.sink.sizes() == Sizes{64, 64});
  bench.sink.become(FlowSignal::kBehind);
  bench.add(512 + 100 - 2);
  CHECK(bench.sink.sizes() == Sizes{64, 64, 512});
  bench.sink.become(FlowSignal::kBusy);  // the writer has caught up: the batch goes with the next full measure
  bench.add(128 - 100);
  CHECK(bench.sink.sizes() == Sizes{64, 64, 512, 128});
  check_complete(bench.sink.numbers(), 1, bench.next);
}

TEST_CASE("A batch grows while packets come so fast that none waits long", "[batcher]") {
  Bench bench({.packets = 64, .grown_packets = 512, .fresh = 500us});
  for (int i = 0; i < 10; ++i) {
    bench.add(64);
    bench.clock.advance(60us);
  }
  CHECK(bench.sink.sizes() == Sizes{512});  // within 420 us
  bench.clock.advance(400us);
  bench.add(64);
  CHECK(bench.sink.sizes() == Sizes{512, 192});
  bench.add(10);
  bench.clock.advance(500us);
  bench.add(53);
  CHECK(bench.sink.sizes().size() == 2);
  bench.add(1);
  CHECK(bench.sink.sizes() == Sizes{512, 192, 64});
  check_complete(bench.sink.numbers(), 1, bench.next);
}

TEST_CASE("A batch is cut at its bytes, even behind a slow writer", "[batcher]") {
  Bench bench({.packets = 64, .grown_packets = 512, .bytes = 10'000});
  bench.sink.become(FlowSignal::kFull);
  bench.add(21, 1000);
  CHECK(bench.sink.sizes() == Sizes{10, 10});
}

TEST_CASE("At rest a batch goes at once to an idle sink, and otherwise at its age", "[batcher]") {
  Bench bench({.age = 100ms});
  CHECK_FALSE(bench.batcher.rest(bench.listener));  // nothing to send
  CHECK_FALSE(bench.listener.waiting);

  bench.add(3);
  const auto deadline = bench.batcher.rest(bench.listener);
  REQUIRE(deadline);
  CHECK(*deadline == bench.clock.now() + 100ms);
  CHECK(bench.listener.waiting);
  CHECK(bench.sink.packets() == 0);

  bench.clock.advance(60ms);
  bench.add(1);  // the age is that of the first packet
  CHECK(bench.batcher.rest(bench.listener) == *deadline);
  bench.clock.advance(40ms);
  CHECK_FALSE(bench.batcher.rest(bench.listener));
  CHECK(bench.sink.sizes() == Sizes{4});

  bench.add(2);
  bench.sink.become(FlowSignal::kIdle);
  CHECK_FALSE(bench.batcher.rest(bench.listener));
  CHECK(bench.sink.sizes() == Sizes{4, 2});
  CHECK(bench.sink.batches().back().header().stats.total_captured == 11);
  CHECK(bench.sink.batches().back().interfaces()[0] == packet::BatchInterface{2, 147, "eth0"});
}

TEST_CASE("No packet is lost, changed or reordered, whatever its size", "[batcher]") {
  Bench bench;
  std::mt19937 random(4711);
  std::vector<std::vector<std::uint8_t>> sent;
  for (std::uint32_t i = 0; i < 3000; ++i) {
    std::size_t size = random() % 2000;
    if (i % 10 == 0) size = random() % 70'000;
    if (i % 100 == 0) size = packet::kMaxPacketBytes;
    std::vector<std::uint8_t> bytes(size);
    for (std::size_t at = 0; at < size; at += 97) bytes[at] = static_cast<std::uint8_t>(random());
    bench.batcher.add(view_of(bytes, i), 1);
    if (random() % 50 == 0) bench.sink.become(static_cast<FlowSignal>(random() % 4));
    if (random() % 30 == 0) bench.batcher.rest(bench.listener);
    sent.push_back(std::move(bytes));
  }
  bench.batcher.flush();
  std::size_t at = 0;
  for (const packet::Batch& batch : bench.sink.batches()) {
    for (const packet::PacketEntry& entry : batch.packets()) {
      REQUIRE(at < sent.size());
      const bool same = entry.captured == sent[at].size() && entry.timestamp_ns == static_cast<std::int64_t>(at) &&
                        std::equal(sent[at].begin(), sent[at].end(), batch.data_of(entry));
      if (!same) FAIL("packet " << at << " is not what was added");
      ++at;
    }
  }
  CHECK(at == sent.size());
}
