// A stream that was judged before is judged by what holds now.
#include <algorithm>

#include "tests/unit/calls/selector_rig.h"

using namespace lc;
using namespace lc::calls;
using namespace lc::calls::test;

namespace {

/// Two parties talk, long enough that each stream is known.
struct Talk {
  explicit Talk(Rig& selector_rig, const SipCall& its_call = {}) : rig(selector_rig), call(its_call) {
    rig.look(call.invite());
    rig.look(call.answer(200));
    for (int i = 0; i < 6; ++i) {
      caller();
      callee();
    }
  }
  std::uint32_t caller() { return rig.look(call.rtp_from_caller(++sequence)); }
  std::uint32_t callee() { return rig.look(call.rtp_from_callee(sequence)); }
  bool is_forwarded() {
    const bool one = rig.got(caller());
    CHECK(rig.got(callee()) == one);
    return one;
  }
  Rig::Ids ids() {
    Rig::Ids its = rig.ids[caller()];
    std::sort(its.begin(), its.end());
    return its;
  }

  Rig& rig;
  SipCall call;
  std::uint16_t sequence = 0;
};

void announce(Rig& rig, const std::string& endpoint, std::vector<std::string> follows) {
  fleet::Filter filter = filter_of(FilterType::kMediaEndpoint, endpoint, "m");
  filter.follows = std::move(follows);
  rig.selector.change_endpoints({filter}, {}, false);
}

SipCall carols_call() {
  SipCall call;
  call.id = "carols";
  call.caller = "carol";
  call.callee = "dora";
  call.caller_ssrc = 0xca401;
  call.callee_ssrc = 0xd04a;
  return call;
}

}  // namespace

TEST_CASE("A known stream of a wanted call is forwarded until something says otherwise", "[calls][stream_memo]") {
  Rig rig({user_filter("alice", "a")});
  Talk talk(rig);
  REQUIRE(talk.is_forwarded());
  REQUIRE(talk.ids() == Rig::Ids{"a"});

  SECTION("the call ended, after its grace") {
    rig.look(talk.call.bye());
    CHECK(talk.is_forwarded());
    rig.pass(5.5);
    CHECK_FALSE(talk.is_forwarded());
  }
  SECTION("the filter went") {
    rig.use({user_filter("zoe", "z")});
    CHECK_FALSE(talk.is_forwarded());
  }
  SECTION("the filter wants less") {
    rig.use({user_filter("alice", "a", CaptureAction::kSignalling)});
    CHECK_FALSE(talk.is_forwarded());
  }
  SECTION("another filter wants it as well") {
    rig.use({user_filter("alice", "a"), user_filter("bob", "b")});
    CHECK(talk.ids() == Rig::Ids{"a", "b"});
  }
  SECTION("another node follows a call there") {
    announce(rig, "10.0.0.1:4000", {"far"});
    CHECK(talk.ids() == Rig::Ids{"a", "far"});
    rig.selector.change_endpoints({}, {"m"}, false);
    CHECK(talk.ids() == Rig::Ids{"a"});
    announce(rig, "10.0.0.2:5000", {"far"});
    CHECK(talk.ids() == Rig::Ids{"a", "far"});
    rig.selector.change_endpoints({}, {}, true);
    CHECK(talk.ids() == Rig::Ids{"a"});
  }
  SECTION("the call was silent for too long") {
    rig.pass(301);
    rig.look(numbered_call(1).invite());
    for (int i = 0; i < 20; ++i) {  // what is over is looked for bit by bit
      rig.pass(0.2);
      rig.look(numbered_call(1).rtp_from_caller());
    }
    CHECK_FALSE(talk.is_forwarded());
  }
  SECTION("the ports are another call's after the end") {
    rig.look(talk.call.bye());
    Talk others(rig, carols_call());
    CHECK_FALSE(others.is_forwarded());
  }
  rig.leave();
}

TEST_CASE("A known stream of a call that nobody wanted is forwarded from the moment when somebody does",
          "[calls][stream_memo]") {
  Rig rig({user_filter("zoe", "z")});
  Talk talk(rig);
  REQUIRE_FALSE(talk.is_forwarded());

  SECTION("a filter by a party") {
    rig.use({user_filter("bob", "b")});
    CHECK(talk.ids() == Rig::Ids{"b"});
    CHECK(talk.is_forwarded());
  }
  SECTION("a message with another party") {
    rig.look(talk.call.request("INFO", 2));
    CHECK_FALSE(talk.is_forwarded());
    SipCall call = talk.call;
    call.caller = "zoe";
    rig.look(call.request("INFO", 3));
    CHECK(talk.ids() == Rig::Ids{"z"});
  }
  SECTION("another node follows it") {
    announce(rig, "10.0.0.2:5000", {"far"});
    CHECK(talk.ids() == Rig::Ids{"far"});
    CHECK(talk.is_forwarded());
  }
  SECTION("a wanted call shares its ports") {
    SipCall wanted = carols_call();
    wanted.caller = "zoe";
    rig.look(wanted.invite());
    rig.look(wanted.answer(200));
    CHECK(talk.ids() == Rig::Ids{"z"});
  }
  rig.leave();
}

TEST_CASE("Another SSRC between the ports of a known stream is the call's too", "[calls][stream_memo]") {
  Rig rig({user_filter("alice")});
  Talk talk(rig);
  for (int i = 0; i < 5; ++i) {
    talk.call.caller_ssrc = 0xfeed;
    CHECK(talk.is_forwarded());
    talk.call.caller_ssrc = 0xa11ce;
    CHECK(talk.is_forwarded());
  }
  rig.leave();
}

TEST_CASE("Packets of a known stream keep its call", "[calls][stream_memo]") {
  const std::string wanted = GENERATE("alice", "zoe");
  Rig rig({user_filter(wanted)});
  Talk talk(rig);
  for (int minute = 0; minute < 20; ++minute) {
    rig.pass(60);
    talk.is_forwarded();
    rig.look(numbered_call(static_cast<unsigned>(minute)).invite());
  }
  rig.use({user_filter("alice")});
  CHECK(talk.is_forwarded());
  rig.leave();
}

TEST_CASE("Calls of more kinds of wants than are kept are told apart", "[calls][stream_memo]") {
  constexpr int kCalls = 5'000;
  std::vector<fleet::Filter> filters;
  for (int i = 0; i < kCalls; ++i) {
    filters.push_back(
        filter_of(FilterType::kCallId, numbered_call(static_cast<unsigned>(i)).id, "f" + std::to_string(i)));
  }
  Rig rig(std::move(filters));
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < kCalls; ++i) {
      const SipCall call = numbered_call(static_cast<unsigned>(i));
      if (round == 0) {
        rig.look(call.invite());
        rig.look(call.answer(200));
      }
      for (std::uint16_t packet = 1; packet <= 4; ++packet) {
        const auto number = rig.look(call.rtp_from_caller(static_cast<std::uint16_t>(4 * round + packet)));
        REQUIRE(rig.ids[number] == Rig::Ids{"f" + std::to_string(i)});
      }
    }
  }
  rig.leave();
}

TEST_CASE("Of streams that fall on the same entries the idlest makes room", "[stream_memo]") {
  StreamMemo memo;
  const auto endpoint = [](std::uint32_t port) {
    return Endpoint{*packet::IpAddress::parse("10.0.0.1"), static_cast<std::uint16_t>(port)};
  };
  const Endpoint from = endpoint(1);
  const StreamMemo::Entry* const place = &memo.at(from, endpoint(2));
  std::vector<Endpoint> rivals;  // three that fall on the same pair
  for (std::uint32_t port = 3; port <= 0xffff && rivals.size() < 3; ++port) {
    if (&memo.at(from, endpoint(port)) == place) rivals.push_back(endpoint(port));
  }
  REQUIRE(rivals.size() >= 2);  // of 65,533 on 16,384 pairs
  rivals.insert(rivals.begin(), endpoint(2));
  rivals.resize(3);
  const auto remember = [&](const Endpoint& to, CallIndex call, std::uint32_t touched) {
    memo.at(from, to) = {from, to, 7, call, 1, StreamMemo::kNothing, touched};
  };
  const auto is_known = [&](const Endpoint& to, CallIndex call) {
    const StreamMemo::Entry& entry = memo.at(from, to);
    return entry.to == to && entry.call == call;
  };
  remember(rivals[0], 10, 5);
  remember(rivals[1], 11, 4);
  CHECK(is_known(rivals[0], 10));
  CHECK(is_known(rivals[1], 11));
  remember(rivals[2], 12, 6);
  CHECK(is_known(rivals[0], 10));
  CHECK_FALSE(is_known(rivals[1], 11));
  CHECK(is_known(rivals[2], 12));
}
