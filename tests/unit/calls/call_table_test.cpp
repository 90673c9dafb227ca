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
