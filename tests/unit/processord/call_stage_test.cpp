#include "processord/engine/call_stage.h"

#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/capture/capture_files.h"
#include "common/packet/batch_builder.h"
#include "tests/support/changes.h"
#include "tests/support/fake_clock.h"
#include "tests/support/sip_packets.h"
#include "tests/support/temp_dir.h"

using namespace lc;
using namespace lc::processor;
using namespace lc::test;

namespace {

using Ids = std::multiset<std::string>;
constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::int64_t kSecond = 1'000 * kMillisecond;

/// What a stage hands on, by the number that each frame has in its timestamp.
struct Bench {
  /// One that only watches has no sink.
  explicit Bench(bool sorts = true, const std::vector<std::string>& interrupted = {})
      : stage(tracker, sorts ? sink() : CallStage::Sink{}) {
    stage.recover(interrupted);
    stage.start();
  }

  CallStage::Sink sink() {
    return {.sorted =
                [this](CallStage::Item item, std::shared_ptr<const CallRoutes> routes) {
                  told.change([&] { note(*item.batch, routes.get()); });
                },
            .ended = [this](std::shared_ptr<const CallLabel> call) { told.change([&] { ended.push_back(call); }); },
            .drained = [] {},
            .needless = [this](const std::vector<std::string>& paths) { needless = paths; }};
  }
  void note(const packet::Batch& batch, const CallRoutes* routes) {
    for (const packet::PacketEntry& entry : batch.packets()) order.push_back(entry.timestamp_ns);
    if (routes == nullptr) return;
    std::uint32_t before = 0;
    for (const CallRoutes::Entry& entry : routes->entries) {
      in_order = in_order && entry.packet >= before;
      before = entry.packet;
      const std::int64_t frame = batch.packets()[entry.packet].timestamp_ns;
      (entry.part == CallPart::kMedia ? media : signalling)[frame].insert(routes->calls[entry.call]->call_id);
      labels[frame] = routes->calls[entry.call];
    }
  }

  /// As one batch of that hunter. Gives the times of the frames.
  std::vector<std::int64_t> push(const std::vector<Bytes>& frames, const std::string& hunter = "h1") {
    std::vector<std::int64_t> times;
    for (const Bytes& frame : frames) {
      const auto size = static_cast<std::uint32_t>(frame.size());
      now_ns += kMillisecond;
      REQUIRE(builder.append({frame.data(), size, size, now_ns}, 1, {"eth0", 0}, {}));
      times.push_back(now_ns);
    }
    packet::BatchHeader header;
    header.hunter_id = hunter;
    header.sequence = ++sequence;
    header.stats.dropped = dropped;
    Result<packet::Batch> batch = packet::Batch::parse(builder.seal(header).bytes);
    REQUIRE(batch);
    stage.push({hunters.try_emplace(hunter, std::make_shared<Hunter>(hunter, clock)).first->second, 0,
                std::make_shared<const packet::Batch>(std::move(*batch))});
    pushed += frames.size();
    return times;
  }
  void wait_for_all() {
    REQUIRE(told.wait([this] { return order.size() == pushed; }, std::chrono::seconds(20)));
    CHECK(told.look([this] { return in_order; }));
  }

  FakeClock clock;
  Changes told;
  std::vector<std::int64_t> order;
  std::map<std::int64_t, Ids> signalling, media;
  std::map<std::int64_t, std::shared_ptr<const CallLabel>> labels;
  std::vector<std::shared_ptr<const CallLabel>> ended;
  std::vector<std::string> needless;
  bool in_order = true;  // the routes of each batch

  packet::SlabPool pool;
  packet::BatchBuilder builder{pool, "eth0", 0};
  std::uint64_t sequence = 0;
  std::uint64_t dropped = 0;
  std::size_t pushed = 0;
  std::int64_t now_ns = 1'700'000'000 * kSecond;
  std::map<std::string, std::shared_ptr<Hunter>> hunters;
  CallBoard board{10};
  CallTracker tracker{board};
  CallStage stage;
};

}  // namespace

TEST_CASE("A call's signalling and media are filed under one label, and what is nobody's under none", "[call_stage]") {
  Bench bench;
  const SipCall call;
  const Bytes other = udp_frame({"10.9.9.9", 53}, {"10.9.9.8", 5353}, bytes_of("nothing of a call"));
  const auto times = bench.push({call.invite(), other, call.answer(200), call.ack(), call.rtp_from_caller(),
                                 call.rtp_from_callee(), other, call.bye(), call.ok_to("BYE", 9, false)});
  bench.wait_for_all();
  for (const std::size_t i : {0U, 2U, 3U, 7U, 8U}) CHECK(bench.signalling[times[i]] == Ids{"the-call"});
  for (const std::size_t i : {4U, 5U}) CHECK(bench.media[times[i]] == Ids{"the-call"});
  CHECK(bench.labels.size() == 7);
  const CallLabel& label = *bench.labels[times[0]];
  CHECK(label.from == "alice");
  CHECK(label.to == "bob");
  CHECK(label.start_ns == times[0]);
  for (const auto& [time, other_label] : bench.labels) CHECK(other_label->number == label.number);
}

TEST_CASE("Media that comes before its call's signalling, from another hunter too, is filed, and the order is kept",
          "[call_stage]") {
  Bench bench;
  const SipCall call;
  const auto early = bench.push({call.rtp_from_caller(1), call.rtp_from_caller(2)}, "media");
  const auto between = bench.push({call.rtp_from_callee(1)}, "media");
  const auto later = bench.push({call.invite(), call.answer(200)}, "signalling");
  bench.wait_for_all();
  CHECK(bench.media[early[0]] == Ids{"the-call"});
  CHECK(bench.media[early[1]] == Ids{"the-call"});
  CHECK(bench.media[between[0]] == Ids{"the-call"});
  CHECK(bench.signalling[later[1]] == Ids{"the-call"});
  CHECK(std::is_sorted(bench.order.begin(), bench.order.end()));
}

TEST_CASE("A message in fragments is filed with all of them", "[call_stage]") {
  Bench bench;
  const SipCall call;
  const std::string text = call.invite_text() + std::string(400, 'x');
  const auto fragments = udp_fragments(call.caller_sip, call.callee_sip, bytes_of(text), 320, 1);
  REQUIRE(fragments.size() >= 3);
  std::vector<std::int64_t> times;
  for (const Bytes& fragment : fragments) times.push_back(bench.push({fragment}).front());
  bench.wait_for_all();
  for (const std::int64_t time : times) CHECK(bench.signalling[time] == Ids{"the-call"});
}

TEST_CASE("A TCP segment with messages of two calls is filed under both", "[call_stage]") {
  Bench bench;
  const SipCall one = numbered_call(1), two = numbered_call(2);
  const std::string first = one.invite_text(), second = two.invite_text();
  const Host from{"10.0.0.1", 40'000}, to{"10.0.0.2", 5060};
  const std::size_t half = second.size() / 2;
  const auto times = bench.push(
      {tcp_frame(from, to, 1, bytes_of(first + second.substr(0, half))),
       tcp_frame(from, to, static_cast<std::uint32_t>(1 + first.size() + half), bytes_of(second.substr(half)))});
  bench.wait_for_all();
  CHECK(bench.signalling[times[0]] == Ids{"call-1", "call-2"});
  CHECK(bench.signalling[times[1]] == Ids{"call-2"});
}

TEST_CASE("A packet that no call ever claims is handed on all the same", "[call_stage]") {
  Bench bench;
  bench.push({SipCall().rtp_from_caller()});
  bench.wait_for_all();
  CHECK(bench.media.empty());
}

TEST_CASE("A registration is no call, until an INVITE comes under its Call-ID", "[call_stage]") {
  Bench bench;
  const SipCall call, other = numbered_call(1);
  const auto times = bench.push({call.request("REGISTER", 1), other.request("REGISTER", 1), call.invite(2)});
  bench.wait_for_all();
  CHECK(bench.signalling[times[0]] == Ids{"the-call"});
  CHECK(bench.signalling[times[2]] == Ids{"the-call"});
  CHECK(bench.labels.size() == 2);
}

TEST_CASE("A call ends behind its last packets, five seconds after its BYE", "[call_stage]") {
  Bench bench;
  const SipCall call;
  bench.push({call.invite(), call.answer(200), call.bye()});
  bench.now_ns += 2 * kSecond;
  const auto late = bench.push({call.ok_to("BYE", 9, false)});
  bench.wait_for_all();
  CHECK(bench.told.look([&] { return bench.ended.empty(); }));
  CHECK(bench.signalling[late[0]] == Ids{"the-call"});
  bench.now_ns += 10 * kSecond;
  bench.push({numbered_call(1).invite()});
  REQUIRE(bench.told.wait([&] { return !bench.ended.empty(); }, std::chrono::seconds(20)));
  CHECK(bench.ended.front()->call_id == "the-call");
}

TEST_CASE("What a transfer has led to is filed under its call, though it is told long behind the BYE", "[call_stage]") {
  Bench bench;
  const SipCall call, other = numbered_call(1);
  bench.push({call.invite(), call.answer(200), call.request("REFER", 2), call.ok_to("REFER", 2, false),
              call.request("NOTIFY", 3, true, "SIP/2.0 100 Trying\r\n"), call.bye(), other.invite(), other.answer(200),
              other.bye()});
  bench.now_ns += 15 * kSecond;
  bench.push({numbered_call(2).invite()});
  const auto ended = [&](const SipCall& one) {
    return std::any_of(bench.ended.begin(), bench.ended.end(),
                       [&](const auto& label) { return label->call_id == one.id; });
  };
  REQUIRE(bench.told.wait([&] { return ended(other); }, std::chrono::seconds(20)));
  CHECK(bench.told.look([&] { return !ended(call); }));
  const auto late = bench.push({call.request("NOTIFY", 4, true, "SIP/2.0 200 OK\r\n"), call.ok_to("NOTIFY", 4, true)});
  bench.wait_for_all();
  bench.now_ns += 10 * kSecond;
  bench.push({numbered_call(3).invite()});
  REQUIRE(bench.told.wait([&] { return ended(call); }, std::chrono::seconds(20)));
  CHECK(bench.signalling[late[0]] == Ids{call.id});
  CHECK(bench.ended.size() == 2);
}

TEST_CASE("A Call-ID that is used again after its end is a call of its own", "[call_stage]") {
  Bench bench;
  const SipCall call;
  const auto first = bench.push({call.invite(), call.answer(200), call.bye()});
  bench.wait_for_all();
  bench.now_ns += 10 * kSecond;
  bench.push({numbered_call(1).invite()});
  REQUIRE(bench.told.wait([&] { return !bench.ended.empty(); }, std::chrono::seconds(20)));
  const auto second = bench.push({call.invite(20)});
  bench.wait_for_all();
  REQUIRE(bench.labels[second[0]]);
  CHECK(bench.labels[second[0]]->number != bench.labels[first[0]]->number);
}

TEST_CASE("A stop hands on what waits, and ends the calls that are over, not those in progress", "[call_stage]") {
  Bench bench;
  const SipCall call;
  bench.push({call.invite(), call.answer(200), call.bye(), numbered_call(2).invite()});
  bench.push({numbered_call(1).rtp_from_caller()});
  bench.stage.stop();
  CHECK(bench.order.size() == 5);
  REQUIRE(bench.ended.size() == 1);
  CHECK(bench.ended.front()->call_id == "the-call");
  CHECK(bench.stage.queued_bytes() == 0);
  CHECK(bench.stage.queued_packets() == 0);
  CHECK(bench.hunters["h1"]->queued_bytes == 0);
}

TEST_CASE("A call in progress is learned from its file, which is needed until that call is over", "[call_stage]") {
  const TempDir directory;
  const SipCall call;
  const std::string file = directory.file("call.pcap"), other = directory.file("other.pcap");
  for (const std::string* path : {&file, &other}) {
    const auto created = capture::create_capture_file(*path);
    REQUIRE(created);
    REQUIRE(created->file->add_interface({.node = {}, .name = {}, .link_type = 1, .filter = {}}));
    const Bytes invite = call.invite(), answer = call.answer(200), media = call.rtp_from_caller();
    for (const Bytes* frame : path == &file ? std::vector{&invite, &answer} : std::vector{&media}) {
      const auto size = static_cast<std::uint32_t>(frame->size());
      REQUIRE(created->file->write({frame->data(), size, size, 1'700'000'000 * kSecond}, 0));
    }
    REQUIRE(created->file->close());
  }
  Bench bench(true, {file, other, directory.file("gone.pcap")});
  CHECK(bench.needless == std::vector<std::string>{other, directory.file("gone.pcap")});
  const auto times = bench.push({call.rtp_from_caller(7), call.bye()});
  bench.wait_for_all();
  CHECK(bench.media[times[0]] == Ids{"the-call"});
  CHECK(bench.signalling[times[1]] == Ids{"the-call"});
  bench.stage.stop();
  CHECK(bench.needless == std::vector<std::string>{file});
}

TEST_CASE("What subscribers are told of a call's streams does not blame the network for packets that the capture lost",
          "[call_stage]") {
  Bench bench(false);
  const SipCall call;
  Changes told;
  int ready = 0;
  const auto subscription =
      bench.board.subscribe({.ready = [&] { told.change([&] { ++ready; }); }, .closed = [](const Error&) {}});
  REQUIRE(subscription);
  bench.push({call.invite(), call.answer(200), call.rtp_from_caller(1), call.rtp_from_caller(2),
              call.rtp_from_callee(1), call.rtp_from_callee(4)});
  bench.dropped = 10;
  bench.push({call.rtp_from_caller(9), call.rtp_from_caller(10)});
  CallPointer seen;
  const auto complete = [&] {
    while (const auto update = bench.board.next(**subscription)) {
      if (update->call) seen = update->call;
    }
    return seen && seen->streams.size() == 2 && seen->streams[0].packets == 4;
  };
  for (int at = 0; !complete();) {
    REQUIRE(told.wait([&] { return ready > at; }, std::chrono::seconds(20)));
    at = told.look([&] { return ready; });
  }
  CHECK(seen->from_user == "alice");
  CHECK(seen->to_user == "bob");
  CHECK(seen->state == "active");
  CHECK(seen->tag_pair == std::vector<std::string>{"a-tag", "b-tag"});
  REQUIRE(seen->legs.size() == 1);
  CHECK(seen->legs[0].source == "10.0.0.1");
  CHECK(seen->legs[0].response_code == 200);
  CHECK(seen->streams[0].source == "10.0.0.1:4000");
  CHECK(seen->streams[0].codec == "PCMU");
  CHECK(seen->streams[0].lost == 0);
  CHECK(seen->streams[0].gaps_in_capture);
  CHECK(seen->streams[1].lost == 2);
  CHECK_FALSE(seen->streams[1].gaps_in_capture);
  bench.board.unsubscribe(*subscription);
}
