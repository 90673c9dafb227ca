// Twenty calls whose signalling is reordered and doubled bring the same media as in order.
#include <algorithm>
#include <random>
#include <set>

#include "tests/unit/calls/selector_rig.h"

using namespace lc;
using namespace lc::calls;
using namespace lc::calls::test;

namespace {

struct Event {
  std::int64_t time_ms = 0;
  Bytes frame;
  int media = -1;  // its number, from the SDP answer on
};

using Random = std::mt19937;

std::int64_t between(Random& random, std::int64_t low, std::int64_t high) {
  return std::uniform_int_distribution(low, high)(random);
}

/// A call from its INVITE to its end, in order.
std::vector<Event> story(const SipCall& call, Random& random, int& media) {
  std::vector<Event> events;
  std::int64_t now = between(random, 0, 10'000);
  const auto say = [&](Bytes frame, std::int64_t longest_pause) {
    events.push_back({now, std::move(frame)});
    now += between(random, 1, longest_pause);
  };
  const bool vip = between(random, 0, 3) == 0;
  const std::string asserted = vip ? "P-Asserted-Identity: <sip:wanted@example.org>\r\n" : "";
  unsigned cseq = 1;
  if (between(random, 0, 2) == 0) {
    say(call.invite(cseq), 30);
    say(call.answer(401, cseq), 30);
    say(call.ack(cseq), 30);
    ++cseq;
  }
  say(call.invite(cseq), 30);
  say(call.answer(100, cseq), 100);
  if (between(random, 0, 1) == 0) say(call.answer(180, cseq), 1000);
  if (between(random, 0, 2) == 0) say(call.answer(183, cseq), 1000);
  say(call.answer(200, cseq, asserted), 20);
  say(call.ack(cseq), 20);
  for (std::uint16_t i = 0; i < 100; ++i, now += 20) {
    events.push_back({now, call.rtp_from_caller(i), media++});
    events.push_back({now + 1, call.rtp_from_callee(i), media++});
    if (i == 50 && between(random, 0, 1) == 0) {
      events.push_back({now, call.request("INVITE", 1, true, sdp_text(call.callee_media))});
      events.push_back({now + 5, call.ok_to("INVITE", 1, true)});
    }
  }
  const bool by_callee = between(random, 0, 1) == 0;
  if (between(random, 0, 4) != 0) {
    say(call.bye(by_callee), 30);
    say(call.ok_to("BYE", 9, by_callee), 30);
  }
  return events;
}

void put_in_order(std::vector<Event>& events) {
  std::stable_sort(events.begin(), events.end(), [](const Event& a, const Event& b) { return a.time_ms < b.time_ms; });
}

std::vector<Event> shaken(const std::vector<Event>& events, Random& random) {
  std::vector<Event> result;
  for (const Event& event : events) {
    result.push_back(event);
    if (event.media >= 0) continue;
    result.back().time_ms += between(random, 0, 200);
    if (between(random, 0, 2) == 0) {
      result.push_back(event);
      result.back().time_ms += between(random, 0, 200);
    }
  }
  put_in_order(result);
  return result;
}

std::set<int> media_captured(const std::vector<Event>& events) {
  Rig rig({user_filter("wanted"), user_filter("caller1*", "ones")});
  std::map<std::uint32_t, int> media;
  const std::int64_t start_ns = rig.now_ns;
  for (const Event& event : events) {
    rig.now_ns = start_ns + event.time_ms * 1'000'000;
    const std::uint32_t number = rig.look(event.frame);
    if (event.media >= 0) media[number] = event.media;
  }
  rig.leave();
  std::set<int> captured;
  for (const std::uint32_t number : rig.forwarded) {
    if (media.contains(number)) captured.insert(media[number]);
  }
  return captured;
}

}  // namespace

TEST_CASE("Signalling in disorder and doubled brings the same media as in order", "[calls]") {
  const auto seed = GENERATE(range(1U, 21U));
  INFO("seed " << seed);
  Random random(seed);
  std::vector<Event> events;
  std::set<int> expected;
  int media = 0;
  for (unsigned i = 0; i < 20; ++i) {
    const SipCall call = numbered_call(i);
    const int first = media;
    const std::vector<Event> its = story(call, random, media);
    const bool asserted = std::any_of(its.begin(), its.end(), [](const Event& event) {
      return std::string(event.frame.begin(), event.frame.end()).find("sip:wanted@") != std::string::npos;
    });
    if (asserted || call.caller.starts_with("caller1")) {
      for (int n = first; n < media; ++n) expected.insert(n);
    }
    events.insert(events.end(), its.begin(), its.end());
  }
  put_in_order(events);
  CHECK(media_captured(events) == expected);
  CHECK(media_captured(shaken(events, random)) == expected);
}
