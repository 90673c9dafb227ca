// When calls begin and end, as the selector shows it.
#include "tests/unit/calls/selector_rig.h"

using namespace lc;
using namespace lc::calls;
using namespace lc::calls::test;

namespace {

/// Whether media of the call is forwarded now.
bool media_flows(Rig& rig, const SipCall& call) {
  static std::uint16_t sequence = 100;
  const bool from_caller = rig.got(rig.look(call.rtp_from_caller(++sequence)));
  CHECK(rig.got(rig.look(call.rtp_from_callee(sequence))) == from_caller);
  return from_caller;
}

void establish(Rig& rig, const SipCall& call) {
  rig.look(call.invite());
  rig.look(call.answer(200));
  rig.look(call.ack());
}

}  // namespace

TEST_CASE("A repeated INVITE does not stop the media", "[calls]") {
  Rig rig({user_filter("alice")});
  const SipCall call;
  establish(rig, call);
  REQUIRE(media_flows(rig, call));
  rig.pass(1);
  CHECK(rig.got(rig.look(call.invite())));
  rig.pass(6);
  CHECK(media_flows(rig, call));
  CHECK(rig.got(rig.look(call.answer(200))));
  CHECK(media_flows(rig, call));
}

TEST_CASE("A call's media ends five seconds after BYE, CANCEL or a final failure", "[calls]") {
  Rig rig({user_filter("alice")});
  const SipCall call;
  SECTION("BYE of the caller") {
    establish(rig, call);
    rig.look(call.bye());
  }
  SECTION("BYE of the callee") {
    establish(rig, call);
    rig.look(call.bye(true));
  }
  SECTION("BYE after the callee has changed the session") {
    establish(rig, call);
    rig.look(call.request("INVITE", 1, true, sdp_text(call.callee_media)));
    rig.look(call.ok_to("INVITE", 1, true));
    rig.look(call.bye(GENERATE(false, true)));
  }
  SECTION("BYE after the caller has changed the session") {
    establish(rig, call);
    rig.look(call.request("INVITE", 2, false, sdp_text(call.caller_media)));
    rig.look(call.ok_to("INVITE", 2, false));
    rig.look(call.bye(GENERATE(false, true)));
  }
  SECTION("BYE, and then the answer once more") {
    establish(rig, call);
    rig.look(call.bye());
    rig.look(call.answer(200));
  }
  SECTION("CANCEL") {
    rig.look(call.invite());
    rig.look(call.answer(183));
    rig.look(call.cancel());
    rig.look(call.answer(487));
  }
  SECTION("busy") {
    rig.look(call.invite());
    rig.look(call.answer(183));
    rig.look(call.answer(486));
  }
  rig.pass(4);
  CHECK(media_flows(rig, call));
  rig.pass(2);
  CHECK_FALSE(media_flows(rig, call));
  CHECK(rig.got(rig.look(call.ok_to("BYE", 9, false))));  // late signalling is still the call's
}

TEST_CASE("An INVITE with credentials goes on with the call that was refused without them", "[calls]") {
  Rig rig({user_filter("alice")});
  const SipCall call;
  rig.look(call.invite(1));
  rig.look(call.answer(401, 1));
  rig.look(call.ack(1));
  rig.pass(1);
  CHECK(rig.got(rig.look(call.invite(2))));
  rig.look(call.answer(401, 1));  // repeated
  rig.look(call.answer(200, 2));
  rig.pass(60);
  CHECK(media_flows(rig, call));
}

TEST_CASE("A call that is answered while it is cancelled is a call", "[calls]") {
  Rig rig({user_filter("alice")});
  const SipCall call;
  rig.look(call.invite());
  rig.look(call.cancel());
  rig.look(call.answer(200));
  rig.pass(6);
  CHECK(media_flows(rig, call));
}

TEST_CASE("BYE of one branch of a forked call leaves the other", "[calls]") {
  Rig rig({user_filter("alice")});
  const SipCall call;
  SipCall branch = call;
  branch.callee_tag = "b2-tag";
  branch.callee_media = {"10.0.0.3", 5000};
  establish(rig, call);
  rig.look(branch.answer(200));
  rig.look(call.bye());
  rig.pass(6);
  CHECK(media_flows(rig, branch));
  rig.look(branch.bye(true));
  rig.pass(6);
  CHECK_FALSE(media_flows(rig, branch));
}

TEST_CASE("A call without BYE ends after five minutes of silence, and not while media or messages come", "[calls]") {
  Rig rig({user_filter("alice")});
  const SipCall call;
  establish(rig, call);
  for (int i = 0; i < 5; ++i) {
    rig.pass(290);
    CHECK(media_flows(rig, call));
    rig.pass(290);
    CHECK(rig.got(rig.look(call.request("OPTIONS", 20))));
  }
  rig.pass(301);
  rig.look(numbered_call(1).invite());  // time passes by packets
  for (int i = 0; i < 3; ++i) {
    rig.look(numbered_call(2).rtp_from_caller());
    rig.pass(0.2);
  }
  CHECK_FALSE(media_flows(rig, call));
}

TEST_CASE("A call of three hours keeps its media to the end, among a thousand others", "[calls]") {
  Rig rig({user_filter("alice")});
  const SipCall call;
  establish(rig, call);
  std::size_t flowed = 0;
  for (int second = 0; second < 3 * 3600; second += 10) {
    rig.pass(10);
    if (media_flows(rig, call)) ++flowed;
    const SipCall other = numbered_call(static_cast<unsigned>(second) / 10);
    rig.look(other.invite());
    rig.look(other.answer(200));
    if (second % 20 == 0) rig.look(other.bye());
  }
  CHECK(flowed == 1080);
}

TEST_CASE("A call keeps its media however often it is moved to other ports", "[calls]") {
  Rig rig({user_filter("alice")});
  SipCall call;
  establish(rig, call);
  for (unsigned i = 2; i < 60; ++i) {
    rig.pass(60);
    call.caller_media.port = static_cast<std::uint16_t>(6000 + 4 * i);
    call.callee_media.port = static_cast<std::uint16_t>(8000 + 4 * i);
    call.caller_ssrc += 2;
    call.callee_ssrc += 2;
    rig.look(call.request("INVITE", i, false, sdp_text(call.caller_media)));
    rig.look(call.ok_to("INVITE", i, false));
    CHECK(media_flows(rig, call));
  }
}

TEST_CASE("Where a call has left both addresses its streams are still its own, and others there are not", "[calls]") {
  Rig rig({user_filter("alice")});
  SipCall call;
  establish(rig, call);
  for (int i = 0; i < 5; ++i) CHECK(media_flows(rig, call));
  const SipCall before = call;
  SipCall other = call;
  other.caller_ssrc = 77;
  other.callee_ssrc = 78;
  call.caller_media = {"10.0.0.1", 6000};
  call.callee_media = {"10.0.0.2", 8000};
  const auto session = [](const Host& media) { return sdp_text(media, "0", 2); };
  rig.look(call.request("INVITE", 2, false, session(call.caller_media)));
  rig.look(call.by(true, call.message("SIP/2.0 200 OK", "2 INVITE", true, false, "", session(call.callee_media))));
  rig.pass(4);
  CHECK(media_flows(rig, other));
  for (int i = 0; i < 3; ++i) {
    rig.pass(2);
    CHECK(media_flows(rig, call));
  }
  CHECK(media_flows(rig, before));
  other.caller_ssrc = 79;
  other.callee_ssrc = 80;
  CHECK_FALSE(media_flows(rig, other));
}

TEST_CASE("A Call-ID that is used again after its call was forgotten is a new call", "[calls]") {
  Rig rig({user_filter("alice")});
  SipCall call;
  establish(rig, call);
  rig.look(call.bye());
  rig.pass(40);
  call.caller = "carol";
  CHECK_FALSE(rig.got(rig.look(call.invite())));
  rig.look(call.answer(200));
  CHECK_FALSE(media_flows(rig, call));
}

TEST_CASE("Messages outside of calls are forwarded by their dialog, as calls are", "[calls]") {
  Rig rig({user_filter("alice")});
  const SipCall dialog;
  CHECK(rig.got(rig.look(dialog.request("REGISTER", 1))));
  CHECK(rig.got(rig.look(dialog.ok_to("REGISTER", 1, false))));
  CHECK_FALSE(rig.got(rig.look(numbered_call(1).request("REGISTER", 1))));
}
