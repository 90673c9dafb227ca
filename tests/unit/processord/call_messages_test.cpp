#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "common/sip/message.h"
#include "common/sip/sdp.h"
#include "processord/engine/call_tracker.h"
#include "tests/support/sip_packets.h"

using namespace lc;
using namespace lc::processor;
using namespace lc::test;

namespace {

using Subscription = std::shared_ptr<CallSubscription>;

/// A tracker that messages come to as from a call table.
struct Bench {
  Bench() {
    board.publish_on_demand([this] { ++asked; });
  }

  void sip(const SipCall& call, calls::CallIndex index, const std::string& text, bool by_callee = false,
           std::uint32_t source = 0, calls::CallState state = calls::CallState::kTrying) {
    const Bytes bytes = bytes_of(text);  // which the message points into
    sip::Message message;
    REQUIRE(sip::parse_message(bytes, message));
    sip::Sdp sdp;
    const bool has_sdp = sip::parse_sdp(message.content_type, message.body, sdp);
    calls::Call known;
    known.state = state;
    if (state == calls::CallState::kEnded) known.ended_ns = now_ns;
    calls::CallSorter::Context context;
    context.source = source;
    context.time_ns = now_ns++;
    const auto end = [](const Host& host) {
      return *calls::parse_endpoint(host.address + ":" + std::to_string(host.port));
    };
    context.from = end(by_callee ? call.callee_sip : call.caller_sip);
    context.to = end(by_callee ? call.caller_sip : call.callee_sip);
    tracker.signalling(known, index, message, has_sdp ? &sdp : nullptr, context, "h" + std::to_string(source + 1));
  }
  void bye(const SipCall& call, calls::CallIndex index) {
    sip(call, index, call.message("BYE sip:x SIP/2.0", "2 BYE", true, false, "", ""), false, 0,
        calls::CallState::kEnded);
  }

  Subscription subscribe(std::vector<std::string> ids, bool messages) {
    return board
        .subscribe({.calls = std::move(ids), .messages = messages, .ready = [] {}, .closed = [](const Error&) {}})
        .value();
  }
  /// Ids of calls, "-" in front of removed ones; the last call is kept.
  std::vector<std::string> read(const Subscription& subscription) {
    std::vector<std::string> texts;
    while (const auto update = board.next(*subscription)) {
      if (update->kind == CallUpdate::Kind::kCall) {
        texts.push_back(update->call->id);
        last = update->call;
      } else if (update->kind == CallUpdate::Kind::kRemoved) {
        texts.push_back("-" + update->id);
      }
    }
    return texts;
  }

  std::int64_t now_ns = 1'000;
  int asked = 0;
  CallPointer last;
  CallBoard board{10};
  CallTracker tracker{board};
};

using Texts = std::vector<std::string>;

SipCall another_call() {
  SipCall other;
  other.id = "other-call";
  other.caller_tag = "c-tag";
  other.callee_tag = "d-tag";
  other.caller_sip = {"10.0.0.2", 5060};
  other.callee_sip = {"10.0.0.3", 5060};
  other.caller_media = {"10.0.0.2", 6000};
  other.callee_media = {"10.0.0.3", 7000};
  return other;
}

}  // namespace

TEST_CASE("A call's messages come to who asks for them, a repeated one marked as such", "[call_tracker]") {
  Bench bench;
  const SipCall call;
  bench.sip(call, 0, call.invite_text());
  bench.sip(call, 0, call.invite_text());
  bench.sip(call, 0, call.invite_text(), false, 1);  // the same one, as another hunter sees it
  bench.sip(call, 0, call.answer_text(180, 1, false, ""), true);
  bench.sip(call, 0, call.answer_text(200, 1, true, ""), true, 0, calls::CallState::kActive);

  const auto all = bench.subscribe({}, false);
  bench.tracker.publish();
  CHECK(bench.read(all) == Texts{"call-1"});
  CHECK(bench.last->messages.empty());
  CHECK(bench.last->answered_ns == 1'004);
  CHECK(bench.last->ended_ns == 0);

  const int asked = bench.asked;
  const auto ladder = bench.subscribe({"call-1"}, true);
  CHECK(bench.asked == asked + 1);
  CHECK(bench.board.asked());
  CHECK(bench.read(ladder).empty());  // not before they are there
  bench.tracker.publish();
  CHECK_FALSE(bench.board.asked());
  CHECK(bench.read(ladder) == Texts{"call-1"});
  const auto& messages = bench.last->messages;
  REQUIRE(messages.size() == 5);
  CHECK(messages[0].method == "INVITE");
  CHECK(messages[0].response_code == 0);
  CHECK(messages[0].cseq == 1);
  CHECK(messages[0].sdp);
  CHECK(messages[0].time_ns == 1'000);
  CHECK(messages[0].call_id == "the-call");
  CHECK(messages[0].hunter_id == "h1");
  CHECK(messages[0].source == "10.0.0.1:5060");
  CHECK(messages[0].destination == "10.0.0.2:5060");
  CHECK_FALSE(messages[0].retransmission);
  CHECK(messages[1].retransmission);
  CHECK(messages[2].hunter_id == "h2");
  CHECK_FALSE(messages[2].retransmission);
  CHECK(messages[3].response_code == 180);
  CHECK(messages[3].method == "INVITE");
  CHECK_FALSE(messages[3].sdp);
  CHECK(messages[3].source == "10.0.0.2:5060");
  CHECK(messages[4].response_code == 200);

  bench.bye(call, 0);
  bench.tracker.publish();
  CHECK(bench.read(ladder) == Texts{"call-1"});
  CHECK(bench.last->messages.size() == 6);
  CHECK(bench.last->ended_ns == 1'005);
  CHECK(bench.tracker.counts().active() == 0);
  CHECK(bench.tracker.counts().total() == 1);
}

TEST_CASE("Answers of two callees through one proxy are no repetition of each other", "[call_tracker]") {
  Bench bench;
  SipCall call;
  const auto ladder = bench.subscribe({}, true);
  bench.sip(call, 0, call.invite_text());
  bench.sip(call, 0, call.answer_text(180, 1, false, ""), true);
  call.callee_tag = "fork";
  bench.sip(call, 0, call.answer_text(180, 1, false, ""), true);
  bench.sip(call, 0, call.answer_text(180, 1, false, ""), true);
  bench.tracker.publish();
  REQUIRE(bench.read(ladder) == Texts{"call-1"});
  std::vector<bool> repeated;
  for (const fleet::CallMessage& message : bench.last->messages) repeated.push_back(message.retransmission);
  CHECK(repeated == std::vector<bool>{false, false, false, true});
}

TEST_CASE("Of a call's messages the first 64 are kept and the others counted, over all of its legs", "[call_tracker]") {
  Bench bench;
  const SipCall call;
  const SipCall other = another_call();
  const std::string session = "Session-ID: 0123456789abcdef0123456789abcdef\r\n";
  const auto all = bench.subscribe({}, true);
  for (unsigned cseq = 1; cseq <= 70; ++cseq) bench.sip(call, 0, call.invite_text(cseq, session));
  bench.tracker.publish();
  REQUIRE(bench.read(all) == Texts{"call-1"});
  CHECK(bench.last->messages.size() == CallSteps::kMost);
  CHECK(bench.last->messages.back().cseq == 64);
  CHECK(bench.last->more_messages == 6);

  for (unsigned cseq = 1; cseq <= 10; ++cseq) bench.sip(other, 1, other.invite_text(cseq, session));
  bench.tracker.publish();
  REQUIRE(bench.read(all) == Texts{"call-1"});
  CHECK(bench.last->legs.size() == 2);
  CHECK(bench.last->messages.size() == CallSteps::kMost);
  CHECK(bench.last->more_messages == 16);
}

TEST_CASE("Who asks for a call by its id is told of the one that it turns out to be a leg of", "[call_tracker]") {
  Bench bench;
  const SipCall call;
  const SipCall other = another_call();
  const auto all = bench.subscribe({}, false);
  const auto ladder = bench.subscribe({"call-2"}, true);
  bench.sip(call, 0, call.invite_text(1, "Session-ID: 0123456789abcdef0123456789abcdef\r\n"));
  bench.sip(other, 1, other.invite_text());
  bench.tracker.publish();
  CHECK(bench.read(all) == Texts{"call-1", "call-2"});
  CHECK(bench.last->messages.size() == 1);  // of call-2, which somebody wants with them; they are not sent to all
  CHECK(bench.read(ladder) == Texts{"call-2"});
  CHECK(bench.tracker.counts().active() == 2);
  CHECK(bench.tracker.counts().total() == 2);

  bench.sip(other, 1, other.invite_text(2, "Session-ID: 0123456789abcdef0123456789abcdef\r\n"));
  bench.tracker.publish();
  CHECK(bench.read(ladder) == Texts{"-call-2", "call-1"});
  REQUIRE(bench.last->messages.size() == 3);
  CHECK(bench.last->messages[0].call_id == "the-call");
  CHECK(bench.last->messages[1].call_id == "other-call");
  CHECK(bench.tracker.counts().active() == 1);
  CHECK(bench.tracker.counts().total() == 1);
  bench.bye(call, 0);
  CHECK(bench.tracker.counts().active() == 1);
  bench.tracker.removed(0);
  bench.tracker.removed(1);
  CHECK(bench.tracker.counts().active() == 0);
  CHECK(bench.tracker.counts().total() == 1);
}
