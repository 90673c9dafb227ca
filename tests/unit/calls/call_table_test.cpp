#include "common/calls/call_table.h"

#include <unistd.h>

#include <fstream>
#include <map>
#include <set>

#include "common/calls/call_follower.h"
#include "tests/unit/calls/selector_rig.h"

using namespace lc;
using namespace lc::calls;
using namespace lc::calls::test;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

struct Claims final : CallTable::Listener {
  void media_claimed(CallIndex call, const Endpoint& endpoint) override {
    if (!now[call].insert(text_of(endpoint)).second) ++faults;
  }
  void media_withdrawn(CallIndex call, const Endpoint& endpoint) override {
    if (now[call].erase(text_of(endpoint)) != 1) ++faults;
  }
  void call_removed(CallIndex call) override {
    ++removed;
    if (!now[call].empty()) ++faults;
  }
  [[nodiscard]] std::size_t size() const {
    std::size_t size = 0;
    for (const auto& [call, endpoints] : now) size += endpoints.size();
    return size;
  }
  std::map<CallIndex, std::set<std::string>> now;
  std::size_t removed = 0;
  std::size_t faults = 0;
};

struct Bench {
  explicit Bench(CallTable::Limits limits = {}) : table(limits, claims) {}

  CallIndex note(const std::string& text) {
    const Bytes bytes = bytes_of(text);
    sip::Message message;
    REQUIRE(sip::parse_message(bytes, message));
    sip::Sdp sdp;
    const bool has_sdp = sip::parse_sdp(message.content_type, message.body, sdp);
    return table.note(message, has_sdp ? &sdp : nullptr, 0, now_ns);
  }
  CallIndex invite(const SipCall& call) { return note(call.invite_text()); }

  Claims claims;
  CallTable table;
  std::int64_t now_ns = 1'700'000'000 * kSecond;
};

Endpoint endpoint(const std::string& text) {
  return *parse_endpoint(text);
}

std::size_t resident_bytes() {
  std::size_t all = 0;
  std::size_t resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

TEST_CASE("The call after the last that has room evicts the one that was idle for longest, and it is counted",
          "[call_table]") {
  Bench bench({.calls = 50});
  for (unsigned i = 0; i < 50; ++i) {
    bench.invite(numbered_call(i));
    bench.now_ns += kSecond;
  }
  bench.invite(numbered_call(0));
  bench.note(numbered_call(1).invite_text(2));
  bench.invite(numbered_call(50));
  CHECK(bench.table.size() == 50);
  CHECK(bench.table.evicted() == 1);
  CHECK(bench.claims.removed == 1);
  CHECK(bench.table.find("call-2") == kNoCall);
  CHECK(bench.table.find("call-0") != kNoCall);
  CHECK(bench.table.find("call-1") != kNoCall);
  CHECK(bench.table.find("call-50") != kNoCall);
  CHECK(bench.table.at_endpoint(endpoint("10.1.0.3:4000")).empty());
  CHECK(bench.table.endpoints() == bench.claims.size());
  CHECK(bench.claims.faults == 0);
}

TEST_CASE("A call that is over makes room before one that goes on", "[call_table]") {
  Bench bench({.calls = 50});
  for (unsigned i = 0; i < 50; ++i) bench.invite(numbered_call(i));
  bench.now_ns += kSecond;
  bench.note(numbered_call(7).answer_text(486, 1, false, ""));
  bench.invite(numbered_call(50));
  CHECK(bench.table.find("call-7") == kNoCall);
}

TEST_CASE("By default the table has 50,000 calls, and the next evicts one", "[call_table]") {
  Bench bench;
  for (unsigned i = 0; i < 50'000; ++i) {
    bench.invite(numbered_call(i));
    bench.now_ns += 1'000'000;
  }
  CHECK(bench.table.size() == 50'000);
  CHECK(bench.table.evicted() == 0);
  bench.invite(numbered_call(50'000));
  CHECK(bench.table.size() == 50'000);
  CHECK(bench.table.evicted() == 1);
  CHECK(bench.table.capacity() == 50'000);
}

TEST_CASE("Addresses of media are a call's until its grace is over, or a later call announces them", "[call_table]") {
  Bench bench;
  const SipCall first;
  SipCall second;
  second.id = "call-2";
  const CallIndex one = bench.invite(first);
  const Endpoint media = endpoint("10.0.0.1:4000");
  REQUIRE(bench.table.at_endpoint(media).size() == 1);
  CHECK(bench.table.at_endpoint(media)[0] == one);
  SECTION("both have them while both go on") {
    bench.invite(second);
    CHECK(bench.table.at_endpoint(media).size() == 2);
  }
  SECTION("a later one has them alone") {
    bench.note(first.answer_text(486, 1, false, ""));
    const CallIndex two = bench.invite(second);
    REQUIRE(bench.table.at_endpoint(media).size() == 1);
    CHECK(bench.table.at_endpoint(media)[0] == two);
  }
  SECTION("one that packets showed belongs to the call that announces it") {
    const Endpoint seen = endpoint("10.0.0.77:4000");
    bench.table.learn(one, seen);
    REQUIRE(bench.table.at_endpoint(seen).size() == 1);
    second.caller_media = {"10.0.0.77", 4000};
    const CallIndex two = bench.invite(second);
    REQUIRE(bench.table.at_endpoint(seen).size() == 1);
    CHECK(bench.table.at_endpoint(seen)[0] == two);
    bench.table.learn(one, seen);
    CHECK(bench.table.at_endpoint(seen).size() == 1);
  }
  SECTION("they are withdrawn, and later the call is forgotten") {
    bench.note(first.answer_text(486, 1, false, ""));
    bench.now_ns += 5 * kSecond + 1;
    bench.table.sweep(0, bench.now_ns, 10);
    CHECK(bench.table.at_endpoint(media).empty());
    CHECK(bench.claims.size() == 0);
    CHECK(bench.table.in_use(one));
    bench.now_ns += 30 * kSecond;
    bench.table.sweep(1, bench.now_ns, 10);  // by another's time
    CHECK(bench.table.size() == 1);
    bench.table.sweep(0, bench.now_ns, 10);
    CHECK(bench.table.size() == 0);
  }
}

TEST_CASE("A call says where it stands", "[call_table]") {
  Bench bench;
  const SipCall call;
  const CallIndex index = bench.invite(call);
  CHECK(bench.table.at(index).state == CallState::kTrying);
  bench.note(call.answer_text(180, 1, false, ""));
  CHECK(bench.table.at(index).state == CallState::kRinging);
  bench.note(call.answer_text(200, 1, true, ""));
  CHECK(bench.table.at(index).state == CallState::kActive);
  bench.note(call.answer_text(180, 1, false, ""));  // out of order
  CHECK(bench.table.at(index).state == CallState::kActive);
  bench.note(call.message("BYE sip:x SIP/2.0", "9 BYE", true, false, "", ""));
  CHECK(bench.table.at(index).state == CallState::kEnded);
  CHECK(bench.table.at(index).ended_ns == bench.now_ns);
}

TEST_CASE("A forked call goes on at one phone when another declines, until the caller has an answer", "[call_table]") {
  Bench bench;
  const std::string above = "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa";
  SipCall caller, one, other;
  caller.via = above;
  one.via = "SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKb\r\nVia: " + above;
  other.via = "SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKc, " + above;
  other.callee_tag = "c-tag";
  const CallIndex index = bench.invite(caller);
  const auto state = [&] { return bench.table.at(index).state; };
  bench.invite(one);
  bench.note(one.answer_text(180, 1, false, ""));
  SECTION("both at once") {
    bench.invite(other);
    bench.note(one.answer_text(486, 1, false, ""));
    CHECK(state() == CallState::kRinging);
    CHECK(bench.table.at(index).ended_ns == 0);
    bench.note(other.answer_text(486, 1, false, ""));
    CHECK(state() == CallState::kRinging);
  }
  SECTION("one after the other") {
    bench.note(one.message("CANCEL sip:x SIP/2.0", "1 CANCEL", false, false, "", ""));
    CHECK(state() == CallState::kRinging);
    bench.note(one.answer_text(487, 1, false, ""));
    bench.invite(other);
    CHECK(state() == CallState::kRinging);
    CHECK(bench.table.at(index).ended_ns == 0);
  }
  SECTION("answers behind the proxy are not seen") {}
  SECTION("the proxy's branches alone are seen, and both fail") {
    bench.invite(other);
    bench.note(caller.message("CANCEL sip:x SIP/2.0", "1 CANCEL", false, false, "", ""));
    CHECK(state() == CallState::kCancelled);
    bench.note(one.answer_text(487, 1, false, ""));
    bench.note(caller.answer_text(487, 1, false, ""));
    CHECK(state() == CallState::kCancelled);
    return;
  }
  bench.note(caller.answer_text(486, 1, false, ""));
  CHECK(state() == CallState::kFailed);
  CHECK(bench.table.at(index).ended_ns == bench.now_ns);
}

TEST_CASE("Where only a proxy's branches are seen, a call fails with the last of them", "[call_table]") {
  Bench bench;
  SipCall one, other;
  one.via = "SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKb, SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa";
  other.via = "SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKc, SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa";
  const CallIndex index = bench.invite(one);
  bench.invite(other);
  bench.note(other.answer_text(180, 1, false, ""));
  bench.note(one.answer_text(603, 1, false, ""));
  CHECK(bench.table.at(index).state == CallState::kRinging);
  bench.note(other.answer_text(487, 1, false, ""));
  CHECK(bench.table.at(index).state == CallState::kCancelled);
}

TEST_CASE("A call ends on both sides of a border controller that has tags of its own", "[call_table]") {
  Bench bench;
  SipCall inside, outside;
  outside.caller_tag = "SD7-a";
  outside.callee_tag = "o-tag";
  const CallIndex index = bench.invite(inside);
  bench.invite(outside);
  bench.note(outside.answer_text(200, 1, true, ""));
  bench.note(inside.answer_text(200, 1, true, ""));
  const bool by_callee = GENERATE(false, true);
  bench.note(outside.message("BYE sip:x SIP/2.0", "9 BYE", true, by_callee, "", ""));
  CHECK(bench.table.at(index).state == CallState::kActive);
  bench.note(inside.message("BYE sip:x SIP/2.0", "3 BYE", true, by_callee, "", ""));
  CHECK(bench.table.at(index).state == CallState::kEnded);
}

TEST_CASE("Phones that ring one after the other are one call, where only the proxy's side is seen", "[call_table]") {
  Bench bench;
  SipCall first, second;
  first.via = "SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK1, SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa";
  second.via = "SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK2, SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa";
  second.callee_tag = "another-phone";
  const CallIndex index = bench.invite(first);
  bench.note(first.message("CANCEL sip:x SIP/2.0", "1 CANCEL", false, false, "", ""));
  bench.note(first.answer_text(487, 1, false, ""));
  CHECK(bench.table.at(index).state == CallState::kCancelled);
  bench.invite(first);  // repeated
  CHECK(bench.table.at(index).state == CallState::kCancelled);
  bench.invite(second);
  CHECK(bench.table.at(index).state == CallState::kTrying);
  CHECK(bench.table.at(index).ended_ns == 0);
  bench.note(second.answer_text(200, 1, true, ""));
  CHECK(bench.table.at(index).state == CallState::kActive);
}

TEST_CASE("A call that is met in its middle lasts when what is asked first is refused", "[call_table]") {
  Bench bench;
  const SipCall call;
  bench.note(call.message("INVITE sip:x SIP/2.0", "5 INVITE", true, false, "", sdp_text(call.caller_media)));
  const CallIndex index = bench.table.find(call.id);
  CHECK(bench.table.at(index).state == CallState::kActive);
  bench.note(call.answer_text(488, 5, false, ""));
  CHECK(bench.table.at(index).state == CallState::kActive);
  bench.note(call.message("BYE sip:x SIP/2.0", "6 BYE", true, false, "", ""));
  CHECK(bench.table.at(index).state == CallState::kEnded);
}

TEST_CASE("An answer that is repeated behind its BYE does not keep a forked call for ever", "[call_table]") {
  Bench bench;
  SipCall one, other;
  other.callee_tag = "another-phone";
  const CallIndex index = bench.invite(one);
  bench.note(one.answer_text(200, 1, true, ""));
  bench.note(other.answer_text(200, 1, true, ""));
  bench.note(other.message("BYE sip:x SIP/2.0", "2 BYE", true, false, "", ""));
  bench.note(other.answer_text(200, 1, true, ""));
  CHECK(bench.table.at(index).state == CallState::kActive);
  bench.note(one.message("BYE sip:x SIP/2.0", "3 BYE", true, false, "", ""));
  CHECK(bench.table.at(index).state == CallState::kEnded);
}

TEST_CASE("A call to twelve phones lasts until the last of them has declined", "[call_table]") {
  Bench bench;
  CallIndex index = kNoCall;
  std::vector<SipCall> phones(12);
  for (std::size_t n = 0; n < phones.size(); ++n) {
    phones[n].via =
        "SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK" + std::to_string(n) + ", SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa";
    index = bench.invite(phones[n]);
  }
  for (const SipCall& phone : phones) {
    CHECK(bench.table.at(index).ended_ns == 0);
    bench.note(phone.answer_text(486, 1, false, ""));
  }
  CHECK(bench.table.at(index).state == CallState::kFailed);
}

TEST_CASE("Two speakers who name their sessions alike do not leave each other's addresses", "[call_table]") {
  Bench bench;
  const SipCall call;
  const CallIndex index = bench.invite(call);
  bench.note(call.message("INVITE sip:x SIP/2.0", "2 INVITE", true, false, "",
                          sdp_text(call.caller_media, "0", 5, "10.0.0.99")));
  bench.note(
      call.message("SIP/2.0 200 OK", "2 INVITE", true, false, "", sdp_text(call.callee_media, "0", 2, "10.0.0.99")));
  bench.now_ns += 10'000'000'000;
  bench.table.touch(index, 0, bench.now_ns);
  bench.table.sweep(0, bench.now_ns, 10);
  CHECK_FALSE(bench.table.at_endpoint(endpoint("10.0.0.2:5000")).empty());
  CHECK_FALSE(bench.table.at_endpoint(endpoint("10.0.0.1:4000")).empty());
}

TEST_CASE("An address that a call has left by a new offer is given up five seconds after the answer", "[call_table]") {
  Bench bench;
  const SipCall call;
  const CallIndex index = bench.invite(call);
  bench.note(call.answer_text(200, 1, true, ""));
  const Host moved{"10.0.0.7", 4600};
  const auto has = [&](const std::string& where) { return !bench.table.at_endpoint(endpoint(where)).empty(); };
  const auto offer = [&](unsigned cseq, const Host& media, unsigned version) {
    bench.note(call.message("INVITE sip:x SIP/2.0", std::to_string(cseq) + " INVITE", true, false, "",
                            sdp_text(media, "0", version, call.caller_media.address)));
  };
  const auto pass = [&](double seconds) {
    bench.now_ns += static_cast<std::int64_t>(seconds * 1e9);
    bench.table.touch(index, 0, bench.now_ns);
    bench.table.sweep(0, bench.now_ns, 10);
  };
  offer(2, moved, 2);
  pass(60);
  CHECK(has("10.0.0.1:4000"));  // the offer may still be refused
  CHECK(has("10.0.0.7:4600"));
  SECTION("accepted") {
    bench.note(call.answer_text(200, 2, true, ""));
    pass(4.9);
    CHECK(has("10.0.0.1:4000"));
    pass(0.2);
    CHECK_FALSE(has("10.0.0.1:4000"));
    CHECK_FALSE(has("10.0.0.1:4001"));  // RTCP
    CHECK(has("10.0.0.7:4600"));
    CHECK(has("10.0.0.2:5000"));
    offer(3, call.caller_media, 3);
    bench.note(call.answer_text(200, 3, true, ""));
    pass(6);
    CHECK(has("10.0.0.1:4000"));
    CHECK_FALSE(has("10.0.0.7:4600"));
  }
  SECTION("not once one was refused: what holds then is not plain") {
    bench.note(call.answer_text(488, 2, false, ""));
    pass(6);
    CHECK(has("10.0.0.1:4000"));
    offer(3, call.caller_media, GENERATE(1U, 3U));
    bench.note(call.answer_text(200, 3, true, ""));
    pass(6);
    CHECK(has("10.0.0.1:4000"));
    CHECK(has("10.0.0.7:4600"));
  }
  SECTION("not where both asked at once") {
    bench.note(call.message("INVITE sip:x SIP/2.0", "7 INVITE", true, true, "",
                            sdp_text({"10.0.0.8", 5600}, "0", 2, call.callee_media.address)));
    bench.note(call.answer_text(491, 2, false, ""));
    bench.note(call.message("INVITE sip:x SIP/2.0", "8 INVITE", true, true, "",
                            sdp_text({"10.0.0.8", 5600}, "0", 3, call.callee_media.address)));
    bench.note(call.message("SIP/2.0 200 OK", "8 INVITE", true, true, "",
                            sdp_text(call.caller_media, "0", 1, call.caller_media.address)));
    pass(6);
    CHECK(has("10.0.0.1:4000"));
    CHECK(has("10.0.0.8:5600"));
  }
  SECTION("not by an answer to something else") {
    bench.note(call.answer_text(200, 1, true, ""));
    pass(6);
    CHECK(has("10.0.0.1:4000"));
  }
  SECTION("not when versions fall") {
    offer(3, {"10.0.0.8", 4800}, 1);
    bench.note(call.answer_text(200, 3, true, ""));
    pass(6);
    CHECK(has("10.0.0.1:4000"));
    CHECK(has("10.0.0.8:4800"));
  }
  SECTION("left and come back within the five seconds") {
    bench.note(call.answer_text(200, 2, true, ""));
    pass(3);
    offer(3, call.caller_media, 3);
    bench.note(call.answer_text(200, 3, true, ""));
    pass(6);
    CHECK(has("10.0.0.1:4000"));
  }
  SECTION("an old offer comes once more") {
    bench.note(call.answer_text(200, 2, true, ""));
    bench.note(call.invite_text());
    pass(6);
    CHECK(has("10.0.0.7:4600"));
    CHECK(has("10.0.0.1:4000"));
  }
  SECTION("another session, of a relay on the way, keeps what is its own") {
    offer(2, {"10.0.0.9", 7000}, 2);
    bench.note(call.message("INVITE sip:x SIP/2.0", "2 INVITE", true, false, "", sdp_text({"10.0.0.9", 7100})));
    bench.note(call.answer_text(200, 2, true, ""));
    pass(6);
    CHECK(has("10.0.0.9:7100"));
    CHECK(has("10.0.0.9:7000"));
    CHECK_FALSE(has("10.0.0.1:4000"));
  }
  SECTION("on hold at no address it keeps what it had") {
    offer(3, {"0.0.0.0", 4000}, 3);
    bench.note(call.answer_text(200, 3, true, ""));
    pass(6);
    CHECK(has("10.0.0.7:4600"));
  }
  CHECK(bench.claims.faults == 0);
}

TEST_CASE("A hundred thousand calls in a row leave nothing behind", "[calls]") {
  Rig rig({user_filter("caller7")});  // one in nine matches
  std::size_t resident_then = 0;
  std::uint64_t most_held = 0;
  std::uint16_t sequence = 0;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  constexpr unsigned kCalls = 100'000;
#else
  constexpr unsigned kCalls = 15'000;  // memory can't be judged there, and each costs twenty times as much
#endif
  for (unsigned i = 0; i < kCalls; ++i) {
    // Names of their own, addresses of the last ten thousand again.
    SipCall call = numbered_call(i % 10'000);
    call.id = "call-" + std::to_string(i);
    call.caller = "caller" + std::to_string(i);
    rig.look(call.invite());
    rig.look(call.rtp_from_caller(++sequence));
    rig.look(call.answer(200));
    rig.look(udp_frame({"10.3.0.1", static_cast<std::uint16_t>(2000 + i % 60'000)}, call.caller_media,
                       rtp_packet(call.callee_ssrc, sequence)));
    if (i % 10 != 0) rig.look(call.bye());  // one in ten ends without
    rig.pass(0.1);
    most_held = std::max(most_held, rig.selector.held());
    rig.forwarded.clear();
    rig.ids.clear();
    rig.captured.clear();
    rig.interfaces.clear();
    if (i == kCalls / 5) resident_then = resident_bytes();
  }
  CHECK(most_held < 300);  // five seconds of those that do not match
  const std::size_t resident_now = resident_bytes();
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  CHECK(resident_now < resident_then + (4U << 20));
#else
  CHECK(resident_now + resident_then > 0);
#endif
}

TEST_CASE("A hundred thousand calls in a row leave the table small", "[call_table]") {
  Bench bench;
  std::size_t most = 0;
  std::size_t most_endpoints = 0;
  for (unsigned i = 0; i < 100'000; ++i) {
    SipCall call = numbered_call(i % 10'000);
    call.id = "call-" + std::to_string(i);
    bench.invite(call);
    bench.note(call.answer_text(200, 1, true, ""));
    bench.note(call.message("BYE sip:x SIP/2.0", "9 BYE", true, false, "", ""));
    bench.now_ns += kSecond / 10;
    most = std::max(most, bench.table.size());
    most_endpoints = std::max(most_endpoints, bench.table.endpoints());
  }
  CHECK(most < 600);  // 320 calls in the half minute for which they are known
  CHECK(most_endpoints < 4 * 600);
  CHECK(bench.table.capacity() < 600);
  CHECK(bench.table.evicted() == 0);
  bench.now_ns += 100 * kSecond;
  bench.table.sweep(0, bench.now_ns, bench.table.capacity());
  CHECK(bench.table.size() == 0);
  CHECK(bench.table.endpoints() == 0);
  CHECK(bench.claims.size() == 0);
  CHECK(bench.claims.faults == 0);
}
