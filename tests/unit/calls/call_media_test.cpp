// Which media belongs to a wanted call.
#include "tests/unit/calls/selector_rig.h"

using namespace lc;
using namespace lc::calls;
using namespace lc::calls::test;

TEST_CASE("A call that matches is forwarded with the media of both sides, and another call is not", "[calls]") {
  Rig rig({user_filter("alice")});
  const SipCall call;
  const SipCall other = numbered_call(1);
  for (const Bytes& frame : {call.invite(), call.answer(100), call.answer(180), call.answer(200), call.ack(),
                             call.rtp_from_caller(), call.rtp_from_callee(), call.bye(), call.ok_to("BYE", 9, false)}) {
    CHECK(rig.got(rig.look(frame)));
  }
  for (const Bytes& frame : {other.invite(), other.answer(200), other.rtp_from_caller(), other.rtp_from_callee()}) {
    CHECK_FALSE(rig.got(rig.look(frame)));
  }
  rig.leave();
  CHECK(rig.forwarded.size() == 9);
}

TEST_CASE("RTCP of a wanted call is forwarded, beside the RTP port and where the SDP puts it", "[calls]") {
  Rig rig({user_filter("alice")});
  SipCall call;
  rig.look(call.invite());
  rig.look(call.answer(200));
  const auto rtcp = [&](std::uint16_t from, std::uint16_t to) {
    return rig.look(udp_frame({"10.0.0.1", from}, {"10.0.0.2", to}, rtcp_packet(call.caller_ssrc)));
  };
  CHECK(rig.got(rtcp(4001, 5001)));
  CHECK(rig.got(rtcp(4000, 5000)));
  CHECK_FALSE(rig.got(rtcp(4900, 5900)));
  const std::string moved = sdp_text(call.callee_media) + "a=rtcp:5900\r\n";
  rig.look(call.request("UPDATE", 2, true, moved));
  CHECK(rig.got(rtcp(4900, 5900)));
}

TEST_CASE("Media that comes from another address than the SDP's, because of a NAT, is the call's in both directions",
          "[calls]") {
  Rig rig({user_filter("alice")});
  const SipCall call;
  rig.look(call.invite());
  rig.look(call.answer(200));
  const Host outside{"203.0.113.7", 41'000};
  for (std::uint16_t i = 1; i <= 3; ++i) {  // then it surely is a stream
    CHECK(rig.got(rig.look(udp_frame(outside, call.callee_media, rtp_packet(1, i)))));
    CHECK(rig.got(rig.look(udp_frame(call.callee_media, outside, rtp_packet(2, i)))));
  }
  // The peer is reached there now, but only by the call's hosts.
  CHECK(rig.got(rig.look(udp_frame({"10.0.0.2", 5556}, outside, rtp_packet(3, 1)))));
  CHECK_FALSE(rig.got(rig.look(udp_frame({"198.51.100.4", 7000}, outside, rtp_packet(4, 1)))));
  CHECK_FALSE(rig.got(rig.look(udp_frame({"198.51.100.4", 7002}, {"198.51.100.5", 7002}, rtp_packet(4, 1)))));
}

TEST_CASE("Early media before the answer is the call's", "[calls]") {
  Rig rig({user_filter("alice")});
  const SipCall call;
  rig.look(call.invite());
  CHECK(rig.got(rig.look(call.rtp_from_callee(1))));  // towards the offer's address
  rig.look(call.answer(183));
  CHECK(rig.got(rig.look(call.rtp_from_callee(2))));
  CHECK(rig.got(rig.look(call.rtp_from_caller(1))));
}

TEST_CASE("Media that comes before its signalling is forwarded when that is there, in order", "[calls]") {
  Rig rig({user_filter("alice")});
  const SipCall call;
  const auto early = rig.look(call.rtp_from_callee(1));
  rig.pass(0.1);
  const auto stranger = rig.look(numbered_call(1).rtp_from_callee());
  rig.pass(0.1);
  const auto late = rig.look(call.rtp_from_caller(1));  // to an address that the answer will name
  CHECK(rig.forwarded.empty());
  CHECK(rig.selector.held() == 3);
  const auto invite = rig.look(call.invite());
  const auto answer = rig.look(call.answer(200));
  CHECK(rig.got(early));
  CHECK(rig.got(late));
  CHECK_FALSE(rig.got(stranger));
  CHECK(rig.forwarded == Rig::Numbers{early, late, invite, answer});
  rig.leave();
}

TEST_CASE("A stream that moves to other ports of the same hosts stays the call's by its SSRC", "[calls]") {
  Rig rig({user_filter("alice")});
  const SipCall call;
  rig.look(call.invite());
  rig.look(call.answer(200));
  for (std::uint16_t i = 1; i <= 3; ++i) rig.look(call.rtp_from_caller(i));
  const Host from{"10.0.0.1", 4444};
  const Host to{"10.0.0.2", 5554};
  CHECK(rig.got(rig.look(udp_frame(from, to, rtp_packet(call.caller_ssrc, 2)))));
  CHECK_FALSE(rig.got(rig.look(udp_frame(from, to, rtp_packet(call.caller_ssrc + 1, 2)))));
  CHECK_FALSE(rig.got(rig.look(udp_frame({"10.0.0.3", 4444}, to, rtp_packet(call.caller_ssrc, 2)))));
}

TEST_CASE("The SSRC of a call that is over and past its grace is no reason to forward", "[calls]") {
  Rig rig({user_filter("alice")});
  const SipCall call;
  rig.look(call.invite());
  rig.look(call.answer(200));
  for (std::uint16_t i = 1; i <= 3; ++i) rig.look(call.rtp_from_caller(i));
  rig.look(call.bye());
  rig.pass(4.9);
  CHECK(rig.got(rig.look(call.rtp_from_caller(4))));
  rig.pass(0.2);
  CHECK_FALSE(rig.got(rig.look(call.rtp_from_caller(5))));
  CHECK_FALSE(rig.got(rig.look(udp_frame({"10.0.0.1", 4444}, {"10.0.0.2", 5554}, rtp_packet(call.caller_ssrc, 6)))));
}

TEST_CASE("A call's media is not forwarded for another call's SSRC between the same hosts", "[calls]") {
  Rig rig({user_filter("alice")});
  const SipCall call;
  SipCall other;
  other.id = "other";
  other.caller = other.callee = "carol";
  other.caller_media.port = 4002;
  other.callee_media.port = 5002;
  other.caller_ssrc = call.caller_ssrc;
  for (const SipCall& one : {call, other}) {
    rig.look(one.invite());
    rig.look(one.answer(200));
    CHECK(rig.got(rig.look(one.rtp_from_caller())) == (one.id == call.id));
  }
  rig.leave();
}

TEST_CASE("Two calls that share a stream both count for it", "[calls]") {
  SipCall first;
  SipCall second;
  second.id = "call-2";
  second.caller = "carol";
  Rig rig({user_filter("alice", "a"), user_filter("carol", "c")});
  for (const SipCall& call : {first, second}) {
    rig.look(call.invite());
    rig.look(call.answer(200));
  }
  CHECK(rig.ids[rig.look(first.rtp_from_caller())] == Rig::Ids{"a", "c"});
  rig.look(first.bye());
  rig.pass(6);
  CHECK(rig.ids[rig.look(first.rtp_from_caller(2))] == Rig::Ids{"c"});

  SECTION("also when only one of them is wanted") {
    Rig one({user_filter("carol", "c")});
    for (const SipCall& call : {first, second}) {
      one.look(call.invite());
      one.look(call.answer(200));
    }
    CHECK(one.got(one.look(first.rtp_from_callee())));
  }
}

TEST_CASE("Ports that a later call uses again do not bring it the earlier call's media", "[calls]") {
  Rig rig({user_filter("alice")});
  SipCall earlier;
  earlier.id = "earlier";
  earlier.caller = "carol";
  rig.look(earlier.invite());
  rig.look(earlier.answer(200));
  Rig::Numbers others;
  for (std::uint16_t i = 0; i < 5; ++i) {
    others.push_back(rig.look(earlier.rtp_from_caller(i)));
    others.push_back(rig.look(earlier.rtp_from_callee(i)));
    rig.pass(0.1);
  }
  rig.look(earlier.bye());
  others.push_back(rig.look(earlier.rtp_from_caller(9)));
  rig.pass(0.1);

  SipCall later;
  later.caller_ssrc = 77;
  rig.look(later.invite());
  rig.look(later.answer(200));
  CHECK(rig.got(rig.look(later.rtp_from_caller())));
  rig.leave();
  for (const auto number : others) CHECK_FALSE(rig.got(number));
}

TEST_CASE("A wanted call does not get the media of a later one that uses its ports again", "[calls]") {
  Rig rig({user_filter("alice")});
  const SipCall wanted;
  rig.look(wanted.invite());
  rig.look(wanted.answer(200));
  rig.look(wanted.bye());
  rig.pass(0.5);
  SipCall later;
  later.id = "later";
  later.caller = "carol";
  later.caller_ssrc = 77;
  rig.look(later.invite());
  rig.look(later.answer(200));
  CHECK_FALSE(rig.got(rig.look(later.rtp_from_caller())));
  CHECK_FALSE(rig.got(rig.look(later.rtp_from_callee())));
}

TEST_CASE("An ICMP error about a wanted call's media is forwarded", "[calls]") {
  Rig rig({user_filter("alice")});
  const SipCall call;
  rig.look(call.invite());
  rig.look(call.answer(200));
  const auto error_about = [&](const Bytes& frame) {
    Bytes icmp = {3, 3, 0, 0, 0, 0, 0, 0};
    icmp.insert(icmp.end(), frame.begin() + 14, frame.begin() + 14 + 28);
    return ipv4_frame("10.0.0.2", "10.0.0.1", 1, icmp);
  };
  CHECK(rig.got(rig.look(error_about(call.rtp_from_caller()))));
  CHECK_FALSE(rig.got(rig.look(error_about(numbered_call(1).rtp_from_caller()))));
}

TEST_CASE("Media on hold or refused in the SDP claims nothing", "[calls]") {
  Rig rig({user_filter("alice")});
  SipCall call;
  call.caller_media = {"0.0.0.0", 4000};
  call.callee_media = {"10.0.0.2", 0};
  rig.look(call.invite());
  rig.look(call.answer(200));
  CHECK_FALSE(rig.got(rig.look(udp_frame({"0.0.0.0", 4000}, {"10.0.0.9", 4000}, rtp_packet(1, 1)))));
  CHECK_FALSE(rig.got(rig.look(udp_frame({"10.0.0.2", 2000}, {"10.0.0.9", 4000}, rtp_packet(1, 1)))));
}
