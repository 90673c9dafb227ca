#include <catch2/catch.hpp>
#include <memory>
#include <thread>
#include <vector>

#include "common/capture/capture_pipeline.h"
#include "tests/support/memory_source.h"
#include "tests/support/recording_sink.h"

using namespace lc;
using namespace lc::capture;
using namespace lc::test;
using packet::FlowSignal;

namespace {

using Kind = MemorySource::Kind;

/// A pipeline of memory sources; the sources live as long as it does.
struct Rig {
  explicit Rig(const std::vector<Kind>& kinds, BatchLimits limits = {}) {
    std::vector<std::unique_ptr<PacketSource>> owned;
    for (const Kind kind : kinds) {
      auto source = std::make_unique<MemorySource>("mem" + std::to_string(owned.size()), kind);
      sources.push_back(source.get());
      owned.push_back(std::move(source));
    }
    pipeline.emplace(std::move(owned), selector, sink, limits,
                     [this] { finished.change([this] { ++times_finished; }); });
  }

  void feed(std::size_t source, std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
      sources[source]->feed(numbered_bytes({static_cast<std::uint32_t>(source), fed[source]++}, 60));
    }
  }

  RecordingSink sink;
  calls::Selector selector{calls::NoFilterPolicy::kAll};
  Changes finished;
  int times_finished = 0;
  std::vector<MemorySource*> sources;
  std::array<std::uint32_t, 4> fed{};
  std::optional<CapturePipeline> pipeline;
};

}  // namespace

TEST_CASE("A full sink leaves the packets with their source, and capture goes on when there is room",
          "[capture_loop]") {
  const Kind kind = GENERATE(Kind::kFile, Kind::kLive);
  Rig rig({kind});
  rig.feed(0, 5000);
  rig.sink.become(FlowSignal::kFull);
  rig.pipeline->start();
  rig.sources[0]->end_with(ReadState::kEnded);
  CHECK(rig.sources[0]->unread() == 5000);
  rig.sink.become(FlowSignal::kBusy);
  REQUIRE(rig.finished.wait([&] { return rig.times_finished == 1; }));
  rig.pipeline->stop();
  check_complete(rig.sink.numbers(), 0, 5000);
  CHECK(rig.pipeline->totals().captured == 5000);
}

TEST_CASE("Room that comes and goes under several sources loses no packet and no wake-up", "[capture_loop][stress]") {
  Rig rig({Kind::kFile, Kind::kLive, Kind::kLive});
  rig.pipeline->start();
  std::jthread weather([&](const std::stop_token& stop) {
    for (unsigned i = 0; !stop.stop_requested(); ++i) {
      rig.sink.become(static_cast<FlowSignal>(i * 7 / 3 % 5));
      std::this_thread::yield();
    }
    rig.sink.become(FlowSignal::kIdle);
  });
  for (int round = 0; round < 400; ++round) {
    for (std::size_t source = 0; source < 3; ++source) rig.feed(source, 50);
  }
  CHECK(rig.sink.wait_for_packets(3 * 400 * 50 - 3 * 512));  // what is left is younger than its age
  for (MemorySource* source : rig.sources) source->end_with(ReadState::kEnded);
  weather.request_stop();
  REQUIRE(rig.finished.wait([&] { return rig.times_finished == 1; }));
  rig.pipeline->stop();
  for (std::uint32_t source = 0; source < 3; ++source) check_complete(rig.sink.numbers(), source, 400 * 50);
}

TEST_CASE("A packet that comes alone goes at once to an idle sink", "[capture_loop]") {
  Rig rig({Kind::kLive}, {.age = std::chrono::hours(1)});
  rig.sink.become(FlowSignal::kIdle);
  rig.pipeline->start();
  for (std::uint32_t i = 1; i <= 3; ++i) {
    rig.feed(0, 1);
    CHECK(rig.sink.wait_for_packets(i));
  }
  rig.sink.become(FlowSignal::kBusy);
  rig.feed(0, 1);
  REQUIRE(rig.sources[0]->wait_until_read());
  rig.sink.become(FlowSignal::kIdle);  // wakes the loop, which waits for that or for an hour
  CHECK(rig.sink.wait_for_packets(4));
  rig.pipeline->stop();
  CHECK(rig.times_finished == 0);
}

TEST_CASE("Where memory is full and the disk takes over, a file waits and an interface does not", "[capture_loop]") {
  Rig rig({Kind::kFile, Kind::kLive});
  rig.sink.become(FlowSignal::kSpill);
  rig.feed(0, 1000);
  rig.sources[0]->end_with(ReadState::kEnded);
  rig.feed(1, 1000);
  rig.pipeline->start();
  REQUIRE(rig.sources[1]->wait_until_read());
  CHECK(rig.sources[0]->unread() == 1000);
  rig.sink.become(FlowSignal::kIdle);
  REQUIRE(rig.sink.wait_for_packets(2000));
  rig.pipeline->stop();
}

TEST_CASE("What a live source had at the stop, and a full sink did not take, is counted", "[capture_loop]") {
  Rig rig({Kind::kLive});
  rig.sink.become(FlowSignal::kFull);
  rig.feed(0, 3000);
  rig.pipeline->start();
  rig.pipeline->stop();
  CHECK(rig.sink.packets() == 0);
  CHECK(rig.pipeline->totals().captured == 3000);
  CHECK(rig.pipeline->totals().given_up == 3000);
}

TEST_CASE("A stop still forwards what a live source had captured by then", "[capture_loop]") {
  Rig rig({Kind::kLive}, {.packets = 1'000'000, .grown_packets = 1'000'000, .age = std::chrono::hours(1)});
  rig.sink.become(FlowSignal::kFull);
  rig.pipeline->start();
  rig.feed(0, 3000);
  rig.sink.become(FlowSignal::kBehind);
  rig.pipeline->stop();
  check_complete(rig.sink.numbers(), 0, 3000);
  CHECK(rig.times_finished == 0);  // stopped, not finished
}

TEST_CASE("An interface that goes down is a fault until it is back, and its packets go out at once", "[capture_loop]") {
  Rig rig({Kind::kLive, Kind::kLive}, {.age = std::chrono::hours(1)});
  rig.pipeline->start();
  CHECK(rig.pipeline->faults().empty());
  rig.feed(0, 2);
  rig.sources[0]->end_with(ReadState::kDown, "mem0: went down");
  REQUIRE(rig.sink.wait_for_packets(2));
  CHECK(rig.pipeline->faults() == std::vector<std::string>{"mem0: went down"});
  CHECK_FALSE(rig.pipeline->all_faulty());
  rig.sources[0]->end_with(ReadState::kReading);
  rig.sink.become(FlowSignal::kIdle);
  rig.feed(0, 1);
  REQUIRE(rig.sink.wait_for_packets(3));
  rig.feed(0, 1);  // one more turn of the loop, so that the state is known
  REQUIRE(rig.sink.wait_for_packets(4));
  CHECK(rig.pipeline->faults().empty());
  CHECK_FALSE(rig.pipeline->any_failed());
  rig.pipeline->stop();
}

TEST_CASE("A source that fails is reported, its packets before that are kept, and the others finish",
          "[capture_loop]") {
  Rig rig({Kind::kFile, Kind::kFile});
  rig.feed(0, 10);
  rig.feed(1, 700);
  rig.sources[0]->end_with(ReadState::kFailed, "mem0: cut short");
  rig.sources[1]->end_with(ReadState::kEnded);
  rig.pipeline->start();
  REQUIRE(rig.finished.wait([&] { return rig.times_finished > 0; }));
  rig.pipeline->stop();
  CHECK(rig.times_finished == 1);
  CHECK(rig.pipeline->any_failed());
  CHECK_FALSE(rig.pipeline->all_faulty());
  CHECK(rig.pipeline->faults() == std::vector<std::string>{"mem0: cut short"});
  check_complete(rig.sink.numbers(), 0, 10);
  check_complete(rig.sink.numbers(), 1, 700);
}

TEST_CASE("Totals add up over the sources", "[capture_loop]") {
  Rig rig({Kind::kLive, Kind::kLive});
  CHECK(rig.pipeline->totals().kernel_dropped == 6);
  CHECK(rig.pipeline->totals().interface_dropped == 4);
}

TEST_CASE("A pipeline may be stopped while another thread is about to start it", "[capture_loop][stress]") {
  for (int i = 0; i < 50; ++i) {
    Rig rig({Kind::kLive, Kind::kFile});
    std::jthread starter([&] { rig.pipeline->start(); });
    rig.pipeline->stop();
    starter.join();
    rig.pipeline->stop();
  }
  SUCCEED();
}

TEST_CASE("A pipeline that goes takes its listeners away from the sink", "[capture_loop]") {
  RecordingSink sink;
  {
    std::vector<std::unique_ptr<PacketSource>> sources;
    sources.push_back(std::make_unique<MemorySource>("mem", Kind::kFile));
    calls::Selector selector(calls::NoFilterPolicy::kAll);
    const CapturePipeline pipeline(std::move(sources), selector, sink, {}, [] {});
    CHECK(sink.listeners() == 1);
  }
  CHECK(sink.listeners() == 0);
}
