#include "processord/engine/call_tracker.h"

#include <catch2/catch.hpp>
#include <map>
#include <string>

#include "common/sip/message.h"
#include "common/sip/sdp.h"
#include "tests/support/sip_packets.h"

using namespace lc;
using namespace lc::processor;
using namespace lc::test;

namespace {

constexpr calls::CallIndex kCall = 0;
constexpr std::int64_t kMillisecond = 1'000'000;

/// A call whose callee takes Opus, and digits by a clock of their own (RFC 7587 section 4.2, RFC 4733 section 2.1).
struct Bench {
  Bench() {
    const std::string text = call.message(
        "INVITE sip:x SIP/2.0", "1 INVITE", false, true, "",
        sdp_text(call.callee_media, "111 101") + "a=rtpmap:111 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n");
    const Bytes bytes = bytes_of(text);  // which the message points into
    sip::Message message;
    REQUIRE(sip::parse_message(bytes, message));
    sip::Sdp sdp;
    REQUIRE(sip::parse_sdp(message.content_type, message.body, sdp));
    calls::Call known;
    known.state = calls::CallState::kActive;
    REQUIRE(tracker.signalling(known, kCall, message, &sdp, {}, "h1"));
  }

  /// Gives the note of its stream.
  calls::StreamMemo::Note rtp(std::uint8_t payload_type, std::uint32_t rtp_time, std::uint32_t ssrc = 0x0b05,
                              calls::StreamMemo::Note note = calls::StreamMemo::kNothing) {
    Bytes packet = {0x80, payload_type};
    put16(packet, ++sequence);
    put32(packet, rtp_time);
    put32(packet, ssrc);
    packet.resize(60);
    calls::CallSorter::Context context;
    context.time_ns = now_ns;
    context.from = *calls::parse_endpoint(call.caller_media.address + ":" + std::to_string(call.caller_media.port));
    context.to = *calls::parse_endpoint(call.callee_media.address + ":" + std::to_string(call.callee_media.port));
    return tracker.media(kCall, packet, context, "h1", note);
  }

  /// Packets of each stream, by SSRC.
  std::map<std::uint32_t, std::uint64_t> packets() {
    tracker.publish();
    std::map<std::uint32_t, std::uint64_t> packets;
    for (const auto& view : board.calls()) {
      for (const fleet::CallStream& stream : view->streams) packets[stream.ssrc] = stream.packets;
    }
    return packets;
  }

  const SipCall call;
  std::uint16_t sequence = 0;
  std::int64_t now_ns = 0;
  CallBoard board{10};
  CallTracker tracker{board};
};

}  // namespace

TEST_CASE("Digits by a clock of their own do not spoil the jitter of the speech behind them", "[call_tracker]") {
  Bench bench;
  REQUIRE(bench.board.subscribe({.ready = [] {}, .closed = [](const Error&) {}}));
  // 20 ms of each, sent and arriving evenly: there is no jitter.
  for (std::uint32_t n = 0; n < 300; ++n) {
    const bool digit = n % 100 >= 50 && n % 100 < 60;
    bench.rtp(digit ? 101 : 111, digit ? 8000 + n / 100 : n * 960);
    bench.now_ns += 20 * kMillisecond;
  }
  bench.tracker.publish();
  const auto calls = bench.board.calls();
  REQUIRE(calls.size() == 1);
  REQUIRE(calls[0]->streams.size() == 1);
  const fleet::CallStream& stream = calls[0]->streams[0];
  CHECK(stream.codec == "opus");
  CHECK(stream.payload_type == 111);
  CHECK(stream.clock_rate == 48'000);
  CHECK(stream.packets == 300);
  CHECK(stream.lost == 0);
  CHECK(stream.max_jitter_ms < 0.01);
}

TEST_CASE("A note that has become another stream's does not count a packet there", "[call_tracker]") {
  constexpr std::uint32_t kStreams = 32;  // more of one call displace the one that was silent for longest
  Bench bench;
  REQUIRE(bench.board.subscribe({.ready = [] {}, .closed = [](const Error&) {}}));
  const auto next = [&] { bench.now_ns += 20 * kMillisecond; };
  const calls::StreamMemo::Note first = bench.rtp(111, 0, 1);
  CHECK(bench.rtp(111, 0, 1, first) == first);
  for (std::uint32_t ssrc = 2; ssrc <= kStreams; ++ssrc, next()) bench.rtp(111, 0, ssrc);
  CHECK(bench.packets().at(1) == 2);
  next();
  CHECK(bench.rtp(111, 0, 100) == first);  // whose place it has now
  next();
  CHECK(bench.rtp(111, 0, 1, first) != first);
  const auto packets = bench.packets();
  CHECK(packets.at(100) == 1);
  CHECK(packets.at(1) == 1);
  CHECK(packets.size() == kStreams);
}

TEST_CASE("The streams of a call that is gone are not another's", "[call_tracker]") {
  Bench bench;
  REQUIRE(bench.board.subscribe({.ready = [] {}, .closed = [](const Error&) {}}));
  const calls::StreamMemo::Note note = bench.rtp(111, 0);
  bench.tracker.removed(kCall);
  CHECK(bench.rtp(111, 960, 0x0b05, note) == note);
  CHECK(bench.packets().empty());
}
