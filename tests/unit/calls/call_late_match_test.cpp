// What came before a call was known to be wanted.
#include <algorithm>

#include "tests/unit/calls/selector_rig.h"

using namespace lc;
using namespace lc::calls;
using namespace lc::calls::test;

namespace {

const std::string kAsserted = "P-Asserted-Identity: <sip:vip@example.org>\r\n";

}  // namespace

TEST_CASE("What came before the message that matches is forwarded first, in order of capture, once", "[calls]") {
  Rig rig({user_filter("vip")});
  const SipCall call;
  const SipCall other = numbered_call(1);
  Rig::Numbers expected;
  for (const Bytes& frame : {call.rtp_from_callee(0), call.invite(), call.answer(100), call.rtp_from_callee(1),
                             call.answer(183), call.rtp_from_callee(2), call.rtp_from_caller(1), call.answer(180)}) {
    expected.push_back(rig.look(frame));
    rig.pass(0.1);
    rig.look(expected.size() == 1 ? other.invite() : other.rtp_from_caller());
    rig.pass(0.1);
  }
  CHECK(rig.forwarded.empty());
  expected.push_back(rig.look(call.answer(200, 1, kAsserted)));
  CHECK(rig.forwarded == expected);
  for (const auto number : expected) CHECK(rig.ids[number] == Rig::Ids{"f"});
  for (const Bytes& frame : {call.answer(200), call.ack(), call.rtp_from_caller(2)}) {
    expected.push_back(rig.look(frame));
  }
  CHECK(rig.forwarded == expected);
  rig.leave();
}

TEST_CASE("Frames of several interfaces that waited are forwarded with the interface of each", "[calls]") {
  Rig rig({user_filter("vip")});
  const SipCall call;
  const auto invite = rig.look(call.invite(), 0);
  const auto media = rig.look(call.rtp_from_callee(), 3);
  rig.look(call.answer(200, 1, kAsserted), 1);
  CHECK(rig.interfaces[invite] == 0);
  CHECK(rig.interfaces[media] == 3);
}

TEST_CASE("Frames wait for their call for five seconds, and no longer", "[calls]") {
  Rig rig({user_filter("vip")});
  const SipCall call;
  const auto too_old = rig.look(call.invite());
  rig.pass(0.5);
  const auto media_too_old = rig.look(call.rtp_from_callee(1));
  rig.pass(0.5);
  const auto young = rig.look(call.answer(183));
  const auto young_media = rig.look(call.rtp_from_callee(2));
  rig.pass(4.9);
  rig.look(numbered_call(1).rtp_from_caller());  // time passes by packets
  rig.look(call.answer(200, 1, kAsserted));
  CHECK_FALSE(rig.got(too_old));
  CHECK_FALSE(rig.got(media_too_old));
  CHECK(rig.got(young));
  CHECK(rig.got(young_media));
  rig.leave();
}

TEST_CASE("Frames that wait are bounded in bytes, and the oldest go first", "[calls]") {
  Rig rig({user_filter("vip")});
  const SipCall call;
  const auto invite = rig.look(call.invite());
  const auto answer = rig.look(call.answer(183));
  const Bytes large(1400, 0x55);
  std::uint64_t most = 0;
  std::uint32_t last = 0;
  for (std::uint16_t i = 0; i < 20'000; ++i) {  // 28 MB in a second
    Bytes rtp = rtp_packet(call.callee_ssrc, i);
    rtp.insert(rtp.end(), large.begin(), large.end());
    last = rig.look(udp_frame(call.callee_media, call.caller_media, rtp));
    most = std::max(most, rig.selector.held());
    rig.now_ns += 50'000;
  }
  CHECK(most > 5'000);
  CHECK(most < (16U << 20) / 1400);
  rig.look(call.answer(200, 1, kAsserted));
  CHECK_FALSE(rig.got(invite));
  CHECK_FALSE(rig.got(answer));
  CHECK(rig.got(last));
  CHECK(rig.forwarded.size() > 5'000);
  CHECK(std::is_sorted(rig.forwarded.begin(), rig.forwarded.end()));
  rig.leave();
}

TEST_CASE("What waits for a call is let go with time, though no packet comes", "[calls]") {
  Rig rig({user_filter("vip")});
  const SipCall call;
  rig.look(call.invite());
  rig.look(call.rtp_from_callee());
  REQUIRE(rig.selector.held() == 2);
  Selector::Turn(rig.selector, rig).idle(0, rig.now_ns + 5'100'000'000);
  CHECK(rig.selector.held() == 0);
  CHECK(rig.selector.filtered() == 2);
}

TEST_CASE("A codec filter finds the call by its SDP, and RTP without SDP by its payload type", "[calls]") {
  Rig rig({filter_of(FilterType::kCodec, "g729")});
  const SipCall pcmu;
  rig.look(pcmu.invite());
  CHECK_FALSE(rig.got(rig.look(pcmu.rtp_from_caller())));
  const SipCall g729 = numbered_call(1);
  const Bytes offer = g729.request("INVITE", 1, false, sdp_text(g729.caller_media, "18"));
  CHECK(rig.got(rig.look(offer)));
  CHECK(rig.got(rig.look(g729.rtp_from_callee())));

  Rig::Numbers stream;
  for (std::uint16_t i = 0; i < 6; ++i) {
    stream.push_back(rig.look(udp_frame({"10.9.0.1", 7000}, {"10.9.0.2", 7002}, rtp_packet(5, i, 18))));
    CHECK_FALSE(rig.got(rig.look(udp_frame({"10.9.0.1", 8000}, {"10.9.0.2", 8002}, rtp_packet(6, i, 0)))));
  }
  for (const auto number : stream) CHECK(rig.got(number));  // those before it was sure, too
  rig.leave();
}
