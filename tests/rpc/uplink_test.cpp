// A hunter's connection against a processor made of generated classes alone.
#include "hunterd/uplink.h"

#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/signals.h"
#include "tests/rpc/fake_processor.h"
#include "tests/support/changes.h"
#include "tests/support/described_hunter.h"
#include "tests/support/numbered_packets.h"

using namespace lc;
using namespace lc::test;
using namespace std::chrono_literals;
namespace data = lippycat::data;
namespace management = lippycat::management;
using Sequences = std::vector<std::uint64_t>;
using Seen = FakeProcessor::Seen;

namespace {

constexpr std::uint64_t kEpoch = 7;
constexpr std::uint32_t kPacketsPerBatch = 3;

/// An Uplink, and what feeds and hears it.
class Hunter {
 public:
  struct Heard {
    std::vector<fleet::RegistrationAnswer> answers;
    std::vector<int> ports;
    std::vector<std::string> gave_up;
    std::vector<std::pair<std::vector<fleet::Filter>, std::uint64_t>> filters;
    std::size_t endpoints = 0;
  };

  explicit Hunter(std::vector<std::string> processors, std::int64_t max_reconnect_attempts = 0) {
    hunter::UplinkSettings settings;
    settings.processors = std::move(processors);
    settings.max_reconnect_attempts = max_reconnect_attempts;
    fleet::HunterDescription description = described_hunter("h1", kEpoch);
    description.features = {"resume"};
    description.interfaces = {"eth0"};
    uplink_ = std::make_unique<hunter::Uplink>(
        std::move(settings), std::move(description), queue_,
        hunter::Uplink::Events{
            .report = [this] { return heard_.look([this] { return report_; }); },
            .registered =
                [this](const fleet::RegistrationAnswer& answer, int port) {
                  heard_.change([&] {
                    events_.answers.push_back(answer);
                    events_.ports.push_back(port);
                  });
                },
            .gave_up = [this](const std::string& reason) { heard_.change([&] { events_.gave_up.push_back(reason); }); },
            .filters = {.filters_changed =
                            [this](const std::vector<fleet::Filter>& filters, std::uint64_t revision) {
                              heard_.change([&] { events_.filters.emplace_back(filters, revision); });
                            },
                        .endpoints_changed =
                            [this](const std::vector<fleet::Filter>& added, const std::vector<std::string>&, bool) {
                              heard_.change([&] { events_.endpoints += added.size(); });
                            }}});
    uplink_->add_listener(listener_);
    uplink_->start();
  }
  ~Hunter() {
    uplink_->stop();
    uplink_->remove_listener(listener_);
  }
  Hunter(const Hunter&) = delete;
  Hunter& operator=(const Hunter&) = delete;

  hunter::Uplink& uplink() { return *uplink_; }
  packet::SendQueue& queue() { return queue_; }

  void report(const capture::Report& report) {
    heard_.change([&] { report_ = report; });
  }
  template <typename Condition>
  bool wait(Condition&& condition) {
    return heard_.wait([&] { return condition(std::as_const(events_)); }, 30s);
  }
  [[nodiscard]] Heard heard() const {
    return heard_.look([this] { return events_; });
  }

  void submit(std::uint32_t batches = 1) {
    for (; batches > 0; --batches) {
      for (std::uint32_t i = 0; i < kPacketsPerBatch; ++i, ++next_number_) {
        const auto bytes = numbered_bytes({1, next_number_}, 60);
        REQUIRE(builder_.append(view_of(bytes, 1'700'000'000'000'000'000 + next_number_), 147));
      }
      uplink_->submit(builder_, {.total_captured = next_number_});
    }
  }

  /// As a capture loop waits: until what the processor said makes the condition true.
  bool wait_until_told(const std::function<bool()>& condition) {
    for (const auto end = Clock::now() + 30s; Clock::now() < end;) {
      listener_.waiting = true;
      if (condition()) return true;
      if (wait_readable({listener_.wake_up.fd()}, 100ms)) listener_.wake_up.drain();
    }
    return false;
  }

 private:
  mutable Changes heard_;
  Heard events_;
  capture::Report report_;
  packet::SinkListener listener_;
  packet::SlabPool pool_;
  packet::BatchBuilder builder_{pool_, "eth0", 0};
  std::uint32_t next_number_ = 0;
  packet::SendQueue queue_{"h1", kEpoch, {}};
  std::unique_ptr<hunter::Uplink> uplink_;
};

bool never() {
  return false;
}

}  // namespace

TEST_CASE("A hunter registers with its epoch and features, and its heartbeat carries its numbers", "[uplink]") {
  FakeProcessor processor;
  processor.answer([](management::RegistrationResponse& response) {
    response.set_accepted(true);
    response.mutable_config()->set_processor_id("p1");
    management::Filter& filter = *response.add_filters();
    filter.set_id("f1");
    filter.set_type(management::FILTER_BPF);
    filter.set_pattern("udp port 5060");
    filter.set_enabled(true);
    return grpc::Status::OK;
  });
  Hunter hunter({processor.address()});
  // The first beat may have been gathered before this report: the one that says goodbye is gathered later.
  hunter.report({.status = fleet::HunterStatus::kWarning,
                 .reason = {},
                 .stats = {.packets_captured = 11,
                           .packets_matched = 10,
                           .packets_forwarded = 9,
                           .packets_dropped = 3,
                           .buffer_bytes = 4096,
                           .active_filters = 2,
                           .cpu_percent = 1.5F,
                           .memory_rss_bytes = 1000,
                           .memory_limit_bytes = 2000,
                           .dropped_by_reason = {{"kernel", 2}, {"queue", 1}},
                           .packets_filtered = 1,
                           .filter_revision = 0,
                           .interfaces = {{"eth0", 11, 2}}}});
  REQUIRE(
      processor.wait([](const Seen& seen) { return !seen.beat_calls.empty() && !seen.beat_calls[0].beats.empty(); }));
  REQUIRE(hunter.uplink().finish(10s, never));
  hunter.uplink().stop();

  const auto registration = processor.look([](const Seen& seen) { return seen.registrations.at(0); });
  CHECK(registration.hunter_id() == "h1");
  CHECK(registration.epoch() == kEpoch);
  CHECK(registration.hostname() == "host-h1");
  REQUIRE(registration.features_size() == 1);
  CHECK(registration.features(0) == "resume");
  REQUIRE(registration.interfaces_size() == 1);
  CHECK(registration.interfaces(0) == "eth0");

  const auto beat = processor.look([](const Seen& seen) { return seen.beat_calls.at(0).beats.back(); });
  CHECK(beat.hunter_id() == "h1");
  CHECK(beat.timestamp_ns() > 1'700'000'000'000'000'000);
  CHECK(beat.status() == management::STATUS_WARNING);
  CHECK(beat.stats().packets_captured() == 11);
  CHECK(beat.stats().packets_matched() == 10);
  CHECK(beat.stats().packets_forwarded() == 9);
  CHECK(beat.stats().packets_dropped() == 3);
  CHECK(beat.stats().buffer_bytes() == 4096);
  CHECK(beat.stats().active_filters() == 2);
  CHECK(beat.stats().cpu_percent() == 1.5F);
  CHECK(beat.stats().memory_rss_bytes() == 1000);
  CHECK(beat.stats().memory_limit_bytes() == 2000);
  CHECK(beat.stats().dropped_by_reason().at("kernel") == 2);
  CHECK(beat.stats().dropped_by_reason().at("queue") == 1);
  CHECK(beat.stats().packets_filtered() == 1);
  REQUIRE(beat.stats().interfaces_size() == 1);
  CHECK(beat.stats().interfaces(0).name() == "eth0");
  CHECK(beat.stats().interfaces(0).packets_captured() == 11);
  CHECK(beat.stats().interfaces(0).packets_dropped() == 2);

  const auto heard = hunter.heard();
  REQUIRE(heard.answers.size() == 1);
  CHECK(heard.ports == std::vector<int>{processor.port()});
  CHECK(heard.answers[0].processor_id == "p1");
  REQUIRE(heard.answers[0].filters.size() == 1);
  CHECK(heard.answers[0].filters[0].id == "f1");
  CHECK(heard.answers[0].filters[0].type == fleet::FilterType::kBpf);
  CHECK(heard.answers[0].filters[0].pattern == "udp port 5060");
  CHECK(heard.answers[0].filters[0].enabled);
}

TEST_CASE("Batches arrive as the generated classes read them, and a hunter leaves by closing its streams in order",
          "[uplink]") {
  FakeProcessor processor;
  Hunter hunter({processor.address()});
  hunter.submit(20);
  REQUIRE(processor.wait_for_batches(0, 20));
  std::uint32_t number = 0;
  std::uint64_t sequence = 0;
  for (const auto& batch : processor.look([](const Seen& seen) { return seen.packet_calls[0].batches; })) {
    CHECK(batch.sequence() == ++sequence);
    CHECK(batch.hunter_id() == "h1");
    CHECK(batch.epoch() == kEpoch);
    REQUIRE(batch.packets_size() == static_cast<int>(kPacketsPerBatch));
    for (const auto& packet : batch.packets()) {
      const auto bytes = numbered_bytes({1, number}, 60);
      CHECK(packet.data() == std::string(bytes.begin(), bytes.end()));
      CHECK(packet.timestamp_ns() == 1'700'000'000'000'000'000 + number);
      CHECK(packet.capture_length() == 60);
      CHECK(packet.original_length() == 60);
      CHECK(packet.link_type() == 147);
      CHECK(packet.interface_name() == "eth0");
      ++number;
    }
    CHECK(batch.stats().total_captured() == number);
  }

  CHECK_FALSE(hunter.uplink().finish(0ms, never));                // nothing is acknowledged
  CHECK_FALSE(hunter.uplink().finish(30s, [] { return true; }));  // or somebody is tired of waiting
  REQUIRE(processor.acknowledge(20));
  CHECK(hunter.uplink().finish(10s, never));
  hunter.uplink().stop();
  REQUIRE(processor.wait([](const Seen& seen) {
    return seen.packet_calls[0].context == nullptr && seen.beat_calls.at(0).context == nullptr;
  }));
  CHECK_FALSE(processor.look([](const Seen& seen) { return seen.packet_calls[0].cancelled; }));
  CHECK_FALSE(processor.look([](const Seen& seen) { return seen.beat_calls[0].cancelled; }));
  CHECK(processor.look([](const Seen& seen) { return seen.registrations.size(); }) == 1);
}

TEST_CASE("After a cut the batches behind resume_after come again, and no others", "[uplink]") {
  FakeProcessor processor;
  Hunter hunter({processor.address()});
  hunter.submit(5);
  REQUIRE(processor.wait_for_batches(0, 5));
  processor.resume_after(3);
  processor.cut();
  REQUIRE(processor.wait_for_batches(1, 2));
  hunter.submit();
  REQUIRE(processor.wait_for_batches(1, 3));
  CHECK(processor.sequences(1) == Sequences{4, 5, 6});
  CHECK(hunter.queue().usage().acknowledged == 3);
  CHECK(processor.look([](const Seen& seen) { return seen.registrations.back().epoch(); }) == kEpoch);
}

TEST_CASE("After a cut what was acknowledged stays forgotten, even if the processor remembers nothing", "[uplink]") {
  FakeProcessor processor;
  Hunter hunter({processor.address()});
  hunter.submit(5);
  REQUIRE(processor.wait_for_batches(0, 5));
  REQUIRE(processor.acknowledge(2));
  REQUIRE(hunter.wait_until_told([&] { return hunter.queue().usage().acknowledged == 2; }));
  processor.cut();
  hunter.submit();
  REQUIRE(processor.wait_for_batches(1, 4));
  CHECK(processor.sequences(1) == Sequences{3, 4, 5, 6});
}

TEST_CASE("Acknowledgements that cannot be meant are ignored", "[uplink]") {
  FakeProcessor processor;
  Hunter hunter({processor.address()});
  hunter.submit(3);
  REQUIRE(processor.wait_for_batches(0, 3));
  data::StreamControl control;
  SECTION("of a batch that was never sent") {
    control.set_ack_sequence(99);
  }
  SECTION("for another epoch") {
    control.set_ack_sequence(3);
    control.set_hunter_id("h1");
    control.set_epoch(kEpoch + 1);
  }
  SECTION("for another hunter") {
    control.set_ack_sequence(3);
    control.set_hunter_id("h2");
    control.set_epoch(kEpoch);
  }
  REQUIRE(processor.send(control));
  control.set_hunter_id("h1");
  control.set_epoch(kEpoch);
  control.set_ack_sequence(1);
  REQUIRE(processor.send(control));
  REQUIRE(hunter.wait_until_told([&] { return hunter.queue().usage().acknowledged > 0; }));
  CHECK(hunter.queue().usage().acknowledged == 1);
  CHECK(hunter.queue().usage().packets == 2 * kPacketsPerBatch);
}

TEST_CASE("FLOW_PAUSE holds the batches back, FLOW_RESUME lets them go", "[uplink]") {
  FakeProcessor processor;
  Hunter hunter({processor.address()});
  hunter.submit();
  REQUIRE(processor.wait_for_batches(0, 1));
  REQUIRE(processor.tell(data::FLOW_PAUSE));
  REQUIRE(hunter.wait_until_told([&] { return hunter.queue().flow() == packet::Flow::kPause; }));
  hunter.submit(2);
  CHECK(hunter.queue().usage().unsent_packets == 2 * kPacketsPerBatch);
  CHECK(processor.sequences(0) == Sequences{1});
  REQUIRE(processor.tell(data::FLOW_RESUME));
  REQUIRE(processor.wait_for_batches(0, 3));
  CHECK(processor.sequences(0) == Sequences{1, 2, 3});
}

TEST_CASE("A pause that nobody ends is over after five seconds of silence", "[uplink]") {
  FakeProcessor processor;
  Hunter hunter({processor.address()});
  hunter.submit();
  REQUIRE(processor.wait_for_batches(0, 1));
  const auto told_at = Clock::now();
  REQUIRE(processor.tell(data::FLOW_PAUSE));
  REQUIRE(hunter.wait_until_told([&] { return hunter.queue().flow() == packet::Flow::kPause; }));
  hunter.submit();
  REQUIRE(processor.wait_for_batches(0, 2));
  CHECK(Clock::now() - told_at >= 5s);
  CHECK(Clock::now() - told_at <= 6s);
}

TEST_CASE("Processors are tried in order of preference, whenever a connection is needed", "[uplink]") {
  FakeProcessor full;
  FakeProcessor unwilling;
  FakeProcessor last;
  full.answer([](management::RegistrationResponse&) {
    return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "maximum number of hunters reached: limit 1");
  });
  unwilling.answer([](management::RegistrationResponse& response) {
    response.set_accepted(false);
    response.set_error("not today");
    return grpc::Status::OK;
  });
  Hunter hunter({full.address(), unwilling.address(), last.address()});
  hunter.submit();
  REQUIRE(last.wait_for_batches(0, 1));
  CHECK(full.look([](const Seen& seen) { return seen.registrations.size(); }) == 1);
  CHECK(unwilling.look([](const Seen& seen) { return seen.registrations.size(); }) == 1);
  CHECK(hunter.heard().ports == std::vector<int>{last.port()});

  full.answer({});
  last.cut();
  REQUIRE(full.wait_for_batches(0, 1));
  CHECK(full.sequences(0) == Sequences{1});
  CHECK(unwilling.look([](const Seen& seen) { return seen.registrations.size(); }) == 1);
  CHECK(hunter.heard().ports == std::vector<int>{last.port(), full.port()});
}

TEST_CASE("A hunter takes the filters its processor sends, shows what broke the stream, and subscribes again",
          "[uplink]") {
  FakeProcessor processor;
  processor.serve_filters();
  Hunter hunter({processor.address()});
  const auto send = [&](management::FilterUpdateType type, const std::string& id, std::uint64_t revision) {
    management::FilterUpdate update;
    update.set_update_type(type);
    update.set_revision(revision);
    management::Filter& filter =
        type == management::UPDATE_SNAPSHOT ? *update.add_snapshot() : *update.mutable_filter();
    filter.set_id(id);
    filter.set_type(management::FILTER_BPF);
    filter.set_pattern("udp");
    return processor.send(update);
  };
  const auto wait_for = [&](std::size_t filters, std::uint64_t revision) {
    return hunter.wait([&](const Hunter::Heard& heard) {
      return !heard.filters.empty() && heard.filters.back().second == revision &&
             heard.filters.back().first.size() == filters;
    });
  };
  REQUIRE(processor.wait([](const Seen& seen) { return seen.filter_calls.size() == 1; }));
  CHECK(processor.look([](const Seen& seen) { return seen.filter_calls[0].hunter_id; }) == "h1");
  REQUIRE(send(management::UPDATE_SNAPSHOT, "a", 4));
  REQUIRE(wait_for(1, 4));
  REQUIRE(send(management::UPDATE_ADD, "b", 5));
  REQUIRE(wait_for(2, 5));
  processor.cut_filters();
  REQUIRE(processor.wait([](const Seen& seen) { return seen.filter_calls.size() == 2; }));
  REQUIRE(send(management::UPDATE_SNAPSHOT, "c", 2));
  REQUIRE(wait_for(1, 2));
  REQUIRE(hunter.uplink().finish(10s, never));
  hunter.uplink().stop();
}

TEST_CASE("A heartbeat that is asked for comes at once", "[uplink]") {
  FakeProcessor processor;
  Hunter hunter({processor.address()});
  const auto beats = [](const Seen& seen) { return seen.beat_calls.empty() ? 0 : seen.beat_calls[0].beats.size(); };
  REQUIRE(processor.wait([&](const Seen& seen) { return beats(seen) == 1; }));
  lc::capture::Report report;
  report.stats.filter_revision = 9;
  hunter.report(report);
  const auto asked_at = Clock::now();
  hunter.uplink().beat_soon();
  REQUIRE(processor.wait([&](const Seen& seen) { return beats(seen) == 2; }));
  CHECK(Clock::now() - asked_at < 2s);
  CHECK(processor.look([](const Seen& seen) { return seen.beat_calls[0].beats[1].stats().filter_revision(); }) == 9);
}

TEST_CASE("A hunter gives up after as many failed attempts in a row as it was allowed", "[uplink]") {
  FakeProcessor processor;
  processor.answer([](management::RegistrationResponse&) {
    return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "maximum number of hunters reached: limit 1");
  });
  Hunter hunter({processor.address()}, 2);
  REQUIRE(hunter.wait([](const Hunter::Heard& heard) { return !heard.gave_up.empty(); }));
  CHECK(hunter.heard().gave_up == std::vector<std::string>{"no processor reached in 2 attempts"});
  CHECK(hunter.heard().answers.empty());
  CHECK(processor.look([](const Seen& seen) { return seen.registrations.size(); }) == 2);
}

TEST_CASE("Connecting and stopping over and over never aborts, whoever lets go of the channel last", "[uplink]") {
  FakeProcessor processor;
  for (int cycle = 0; cycle < 200; ++cycle) {
    const auto calls = processor.look([](const Seen& seen) { return seen.packet_calls.size(); });
    Hunter hunter({processor.address()});
    if (cycle % 4 == 0) continue;  // stopped while it connects
    REQUIRE(hunter.wait([](const Hunter::Heard& heard) { return !heard.answers.empty(); }));
    if (cycle % 4 == 1) continue;  // while its streams begin
    if (cycle % 4 == 2) {
      REQUIRE(hunter.uplink().finish(10s, never));
      continue;
    }
    REQUIRE(processor.wait([&](const Seen& seen) { return seen.packet_calls.size() > calls; }));
    processor.cut();
  }
}
