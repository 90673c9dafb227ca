// Policies, actions, changes of the filters, and media endpoints.
#include "common/calls/selector.h"

#include <algorithm>

#include "tests/unit/calls/selector_rig.h"

using namespace lc;
using namespace lc::calls;
using namespace lc::calls::test;

namespace {

fleet::Filter media_filter(const std::string& id, const std::string& pattern, std::vector<std::string> follows,
                           CaptureAction action = CaptureAction::kFull) {
  fleet::Filter filter = filter_of(FilterType::kMediaEndpoint, pattern, id, action);
  filter.follows = std::move(follows);
  return filter;
}

void establish(Rig& rig, const SipCall& call) {
  rig.look(call.invite());
  rig.look(call.answer(200));
}

void change_endpoints(Rig& rig, std::vector<fleet::Filter> added, std::vector<std::string> removed = {},
                      bool anew = false) {
  rig.selector.change_endpoints(std::move(added), std::move(removed), anew);
  Selector::Turn(rig.selector, rig);
}

}  // namespace

TEST_CASE("Without an enabled filter the policy decides, and a disabled filter counts as none", "[selector]") {
  fleet::Filter disabled = user_filter("alice");
  disabled.enabled = false;
  for (const std::vector<fleet::Filter>& none : {std::vector<fleet::Filter>{}, std::vector<fleet::Filter>{disabled}}) {
    Rig all(none, NoFilterPolicy::kAll);
    CHECK(Selector::Turn(all.selector, all).passes_all());
    all.use({user_filter("alice")});
    CHECK_FALSE(Selector::Turn(all.selector, all).passes_all());
    CHECK_FALSE(all.got(all.look(numbered_call(1).invite())));
    all.use(none);
    CHECK(Selector::Turn(all.selector, all).passes_all());
    CHECK(all.selector.held() == 0);  // what waited was not wanted when it came
    CHECK(all.selector.filtered() == 1);

    Rig nothing(none, NoFilterPolicy::kNone);
    CHECK_FALSE(Selector::Turn(nothing.selector, nothing).passes_all());
    const SipCall call;
    for (const Bytes& frame : {call.invite(), call.answer(200), call.rtp_from_caller()}) {
      CHECK_FALSE(nothing.got(nothing.look(frame)));
    }
    nothing.leave();
  }
}

TEST_CASE("The action says how much of the media is forwarded, and the filter that asks for most decides",
          "[selector]") {
  const auto [actions, expected] =
      GENERATE(table<std::vector<CaptureAction>, int>({{{CaptureAction::kFull}, 2},
                                                       {{CaptureAction::kRtpHeaders}, 1},
                                                       {{CaptureAction::kSignalling}, 0},
                                                       {{CaptureAction::kSignalling, CaptureAction::kRtpHeaders}, 1},
                                                       {{CaptureAction::kFull, CaptureAction::kSignalling}, 2},
                                                       {{CaptureAction::kRtpHeaders, CaptureAction::kFull}, 2}}));
  std::vector<fleet::Filter> filters;
  for (const CaptureAction action : actions) {
    filters.push_back(user_filter("alice", "f" + std::to_string(filters.size()), action));
  }
  Rig rig(filters);
  const SipCall call;
  Rig::Numbers media = {rig.look(call.rtp_from_callee(0))};  // waits for its call
  const auto invite = rig.look(call.invite());
  rig.look(call.answer(200));
  media.push_back(rig.look(call.rtp_from_callee(1)));
  media.push_back(rig.look(call.rtp_from_caller(1)));
  rig.leave();
  CHECK(rig.captured[invite] == call.invite().size());
  for (const auto number : media) {
    CHECK(rig.got(number) == (expected > 0));
    if (expected == 0) continue;
    CHECK(rig.captured[number] == (expected == 1 ? kRtpHeadersInFrame : call.rtp_from_caller().size()));
  }
}

TEST_CASE("Where only RTP headers are wanted, nothing else of media leaves", "[selector]") {
  Rig rig({user_filter("alice", "f", CaptureAction::kRtpHeaders)});
  const SipCall call;
  establish(rig, call);
  const auto rtcp = udp_frame({"10.0.0.1", 4001}, {"10.0.0.2", 5001}, rtcp_packet(1));
  CHECK(rig.captured[rig.look(rtcp)] == rtcp.size());
  // No RTP, so nothing is known of where the voice begins.
  CHECK(rig.captured[rig.look(udp_frame(call.caller_media, call.callee_media, Bytes(100, 0x01)))] <= 42);
  // The voice is in both fragments, and the header in the first.
  for (const Bytes& fragment : udp_fragments(call.caller_media, call.callee_media, rtp_packet(1, 1), 88, 5)) {
    CHECK_FALSE(rig.got(rig.look(fragment)));
  }
  // A VLAN tag and a header extension with one CSRC.
  Bytes rtp = rtp_packet(1, 2);
  rtp[0] = 0x91;
  const Bytes more = {0, 0, 0, 9, 0xbe, 0xde, 0, 1, 1, 2, 3, 4};
  rtp.insert(rtp.begin() + kRtpHeader, more.begin(), more.end());
  Bytes tagged = udp_frame(call.caller_media, call.callee_media, rtp);
  const Bytes tag = {0x81, 0, 0, 42};
  tagged.insert(tagged.begin() + 12, tag.begin(), tag.end());
  CHECK(rig.captured[rig.look(tagged)] == kRtpHeadersInFrame + 4 + more.size());
  rig.leave();
}

TEST_CASE("A packet carries the ids of all filters that want it, each once", "[selector]") {
  Rig rig({user_filter("alice", "a1"), user_filter("ali*", "a2"), user_filter("bob", "b"),
           filter_of(FilterType::kIpAddress, "10.0.0.0/24", "net"), filter_of(FilterType::kBpf, "udp", "bpf"),
           filter_of(FilterType::kIpAddress, "10.0.0.1", "host"), user_filter("zoe", "z")});
  const SipCall call;
  const auto sorted = [&](const Bytes& frame) {
    Rig::Ids ids = rig.ids[rig.look(frame)];
    std::sort(ids.begin(), ids.end());
    return ids;
  };
  const Rig::Ids all = {"a1", "a2", "b", "bpf", "host", "net"};
  CHECK(sorted(call.invite()) == all);
  CHECK(sorted(call.answer(200)) == all);
  CHECK(sorted(call.rtp_from_caller()) == all);
  CHECK(sorted(udp_frame({"10.0.0.9", 1}, {"10.9.0.2", 1}, {})) == Rig::Ids{"bpf", "net"});
  CHECK(sorted(udp_frame({"10.9.0.9", 1}, {"10.9.0.2", 1}, {})) == Rig::Ids{"bpf"});
}

TEST_CASE("An IP filter takes a call's media whole, whatever the call's filter says", "[selector]") {
  Rig rig(
      {user_filter("alice", "a", CaptureAction::kRtpHeaders), filter_of(FilterType::kIpAddress, "10.0.0.1", "host")});
  const SipCall call;
  establish(rig, call);
  CHECK(rig.captured[rig.look(call.rtp_from_caller())] == call.rtp_from_caller().size());
}

TEST_CASE("The calls of a filter that is deleted, disabled or changed are not followed any more", "[selector]") {
  Rig rig({user_filter("alice", "a"), user_filter("carol", "c")});
  const SipCall call;
  const SipCall stays = [] {
    SipCall carols = numbered_call(3);
    carols.caller = "carol";
    return carols;
  }();
  establish(rig, call);
  establish(rig, stays);
  REQUIRE(rig.got(rig.look(call.rtp_from_caller())));
  SECTION("deleted") {
    rig.use({user_filter("carol", "c")});
  }
  SECTION("disabled") {
    fleet::Filter disabled = user_filter("alice", "a");
    disabled.enabled = false;
    rig.use({disabled, user_filter("carol", "c")});
  }
  SECTION("changed") {
    rig.use({user_filter("zoe", "a"), user_filter("carol", "c")});
  }
  CHECK_FALSE(rig.got(rig.look(call.rtp_from_caller(2))));
  CHECK_FALSE(rig.got(rig.look(call.request("INFO", 3))));
  CHECK(rig.ids[rig.look(stays.rtp_from_caller())] == Rig::Ids{"c"});
  // It waits, in case another filter wants it.
  rig.use({user_filter("alice", "again"), user_filter("carol", "c")});
  CHECK(rig.ids[rig.look(call.rtp_from_caller(3))] == Rig::Ids{"again"});
  rig.leave();
}

TEST_CASE("A filter whose action changes keeps its calls, and trims them anew", "[selector]") {
  Rig rig({user_filter("alice")});
  const SipCall call;
  establish(rig, call);
  rig.use({user_filter("alice", "f", CaptureAction::kRtpHeaders)});
  CHECK(rig.captured[rig.look(call.rtp_from_caller(1))] == kRtpHeadersInFrame);
  rig.use({user_filter("alice", "f", CaptureAction::kSignalling)});
  CHECK_FALSE(rig.got(rig.look(call.rtp_from_caller(2))));
  rig.use({user_filter("alice")});
  CHECK(rig.captured[rig.look(call.rtp_from_caller(3))] == call.rtp_from_caller().size());
}

TEST_CASE("A filter that is added later catches a call in progress by who takes part", "[selector]") {
  const auto [type, pattern] = GENERATE(table<FilterType, std::string>(
      {{FilterType::kSipUser, "alice"}, {FilterType::kSipUri, "bob@example.org"}, {FilterType::kCallId, "the-call"}}));
  Rig rig({user_filter("zoe", "z")});
  const SipCall call;
  establish(rig, call);
  rig.pass(60);
  rig.look(numbered_call(1).invite());
  rig.look(call.rtp_from_caller(1));
  CHECK(rig.forwarded.empty());
  rig.use({user_filter("zoe", "z"), filter_of(type, pattern, "new")});
  CHECK(rig.ids[rig.look(call.rtp_from_callee(1))] == Rig::Ids{"new"});
  CHECK(rig.got(rig.look(call.bye())));
  rig.leave();
}

TEST_CASE("A later filter that asks for more of a call in progress gets it", "[selector]") {
  Rig rig({user_filter("alice", "a", CaptureAction::kSignalling)});
  const SipCall call;
  establish(rig, call);
  rig.use({user_filter("alice", "a", CaptureAction::kSignalling), user_filter("bob", "b")});
  CHECK(rig.ids[rig.look(call.rtp_from_caller())] == Rig::Ids{"a", "b"});
}

TEST_CASE("Media of calls that other nodes follow is forwarded by its address, with the ids that it follows",
          "[selector]") {
  Rig rig({user_filter("zoe", "z")});
  const SipCall call;
  const auto just_before = rig.look(call.rtp_from_caller(0));
  const auto other = rig.look(numbered_call(1).rtp_from_caller());
  change_endpoints(rig, {media_filter("m1", "10.0.0.2:5000", {"a", "b"})});
  CHECK(rig.ids[just_before] == Rig::Ids{"a", "b"});
  CHECK_FALSE(rig.got(other));
  CHECK(rig.ids[rig.look(call.rtp_from_callee(1))] == Rig::Ids{"a", "b"});
  CHECK_FALSE(rig.got(rig.look(numbered_call(1).rtp_from_caller())));
  SECTION("until it is withdrawn") {
    change_endpoints(rig, {}, {"m1"});
    CHECK_FALSE(rig.got(rig.look(call.rtp_from_callee(2))));
  }
  SECTION("until it is replaced by another address or other calls") {
    change_endpoints(rig, {media_filter("m1", "10.7.0.2:5000", {"c"})});
    CHECK_FALSE(rig.got(rig.look(call.rtp_from_callee(2))));
    CHECK(rig.ids[rig.look(udp_frame({"10.7.0.1", 4000}, {"10.7.0.2", 5000}, rtp_packet(1, 1)))] == Rig::Ids{"c"});
  }
  SECTION("until all are replaced") {
    change_endpoints(rig, {media_filter("m2", "10.7.0.2:5000", {"c"})}, {}, true);
    CHECK_FALSE(rig.got(rig.look(call.rtp_from_callee(2))));
  }
  SECTION("as far as the action says") {
    change_endpoints(rig, {media_filter("m1", "10.0.0.2:5000", {"a"}, CaptureAction::kRtpHeaders)});
    CHECK(rig.captured[rig.look(call.rtp_from_callee(2))] == kRtpHeadersInFrame);
  }
  SECTION("also when no filter is left here") {
    rig.use({});
    CHECK(rig.got(rig.look(call.rtp_from_callee(2))));
  }
  SECTION("once, when two calls have it, with the ids of both") {
    change_endpoints(rig, {media_filter("m2", "10.0.0.2:5000", {"b", "c"})});
    Rig::Ids ids = rig.ids[rig.look(call.rtp_from_callee(2))];
    std::sort(ids.begin(), ids.end());
    CHECK(ids == Rig::Ids{"a", "b", "c"});
    change_endpoints(rig, {}, {"m1"});
    CHECK(rig.ids[rig.look(call.rtp_from_callee(3))] == Rig::Ids{"b", "c"});
  }
  rig.leave();
}

TEST_CASE("A node without filters of its own holds media for endpoints that come a moment later", "[selector]") {
  Rig rig({});
  const SipCall call;
  const auto before = rig.look(call.rtp_from_caller());
  change_endpoints(rig, {media_filter("m1", "10.0.0.2:5000", {"a"})});
  CHECK(rig.got(before));
}

TEST_CASE("The revision is known at once, and in force from the next turn on", "[selector]") {
  Rig rig({user_filter("alice")});
  CHECK(rig.selector.revision() == 7);
  Selector::Turn turn(rig.selector, rig);
  CHECK(turn.revision() == 7);
}
