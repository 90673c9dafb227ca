#include "processord/engine/followed_calls.h"

#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/calls/want.h"
#include "common/packet/batch_builder.h"
#include "tests/support/changes.h"
#include "tests/support/sip_packets.h"
#include "tests/support/temp_dir.h"

using namespace lc;
using namespace lc::processor;
using namespace lc::test;

namespace {

using Ids = std::vector<std::string>;
using Addresses = std::multiset<std::string>;
constexpr std::int64_t kSecond = 1'000'000'000;
// RTP and RTCP of both sides.
const Addresses kOfTheCall = {"10.0.0.1:4000", "10.0.0.1:4001", "10.0.0.2:5000", "10.0.0.2:5001"};

/// A processor's filters with one hunter that is told of them, and the packets of others.
struct Bench {
  Bench() {
    subscription = table.board().subscribe({.hunter_id = "elsewhere",
                                            .takes_snapshots = true,
                                            .ready = [this] { told.change([this] { ++times_told; }); },
                                            .closed = [](const Error&) {}});
    table.start();
    for (const auto& [id, action] : {std::pair("full", fleet::CaptureAction::kFull),
                                     {"headers", fleet::CaptureAction::kRtpHeaders},
                                     {"signalling", fleet::CaptureAction::kSignalling}}) {
      put(id, fleet::FilterType::kSipUser, "alice", action);
    }
    put("net", fleet::FilterType::kIpAddress, "10.0.0.0/8", fleet::CaptureAction::kFull);
    followed.start();
  }
  ~Bench() {
    followed.stop();
    table.board().unsubscribe(subscription);
  }

  void put(const std::string& id, fleet::FilterType type, const std::string& pattern, fleet::CaptureAction action) {
    fleet::Filter filter;
    filter.id = id;
    filter.type = type;
    filter.pattern = pattern;
    filter.action = action;
    filter.enabled = true;
    table.upsert(filter, done());
    wait_for_answer();
  }
  void erase(const std::string& id) {
    table.erase(id, done());
    wait_for_answer();
  }
  FilterTable::Done done() {
    return [this](const Result<FilterChange>& result) { told.change([&] { answers.push_back(result.ok()); }); };
  }
  void wait_for_answer() {
    ++asked;
    REQUIRE(told.wait([this] { return answers.size() >= asked; }));
    REQUIRE(answers.back());
  }

  /// As one batch of that hunter; `path`: of one below another processor.
  void push(const std::vector<Bytes>& frames, const Ids& matched, const std::string& hunter = "h1",
            const std::string& path = "") {
    calls::Want want;
    for (const std::string& id : matched) want.add(id, calls::MediaExtent::kFull);
    for (const Bytes& frame : frames) {
      const auto size = static_cast<std::uint32_t>(frame.size());
      REQUIRE(builder.append({frame.data(), size, size, now_ns}, 1, {"eth0", 0}, want.encoded));
    }
    packet::BatchHeader header;
    header.hunter_id = hunter;
    header.sequence = ++sequence;
    Result<packet::Batch> batch = packet::Batch::parse(builder.seal(header).bytes);
    REQUIRE(batch);
    if (!path.empty()) batch->set_source(std::make_shared<const std::string>(path));
    followed.push(std::make_shared<const packet::Batch>(std::move(*batch)));
  }

  /// Takes what the hunter is told.
  void read() {
    FilterBoard& board = table.board();
    while (const auto update = board.next(*subscription)) {
      if (update->type == fleet::FilterUpdateType::kSnapshot) {
        endpoints.clear();
        for (const fleet::Filter& filter : update->snapshot) note(filter);
      } else if (update->type == fleet::FilterUpdateType::kDelete) {
        endpoints.erase(update->filter.id);
      } else {
        note(update->filter);
      }
      board.written(*subscription);
    }
  }
  void note(const fleet::Filter& filter) {
    if (filter.type != fleet::FilterType::kMediaEndpoint) return;
    ++announcements;
    endpoints[filter.id] = filter;
  }
  [[nodiscard]] Addresses addresses() const {
    Addresses addresses;
    for (const auto& [id, filter] : endpoints) addresses.insert(filter.pattern);
    return addresses;
  }
  bool wait_for(const Addresses& wanted) {
    for (;;) {
      const int seen = told.look([this] { return times_told; });
      read();
      if (addresses() == wanted) return true;
      if (!told.wait([&] { return times_told > seen; }, std::chrono::seconds(10))) return false;
    }
  }
  /// Everything before has been seen when this call's media is announced.
  bool wait_for_marker(Addresses and_these = {}, const std::string& filter = "full") {
    const SipCall marker = numbered_call(9);
    push({marker.invite()}, {filter}, "marker");
    and_these.insert({"10.1.0.10:4000", "10.1.0.10:4001"});
    return wait_for(and_these);
  }
  [[nodiscard]] ListedFilter listed(const std::string& id) const {
    for (const ListedFilter& filter : table.board().list("")) {
      if (filter.filter->id == id) return filter;
    }
    return {};
  }

  TempDir directory;
  RealFileSystem files{"filters"};
  FilterTable table{FilterFile::Settings{.path = directory.file("state/filters.json"), .exclusive = true}, files};
  Changes told;
  int times_told = 0;
  std::size_t asked = 0;
  std::vector<bool> answers;
  std::shared_ptr<FilterSubscription> subscription;
  std::map<std::string, fleet::Filter> endpoints;
  std::size_t announcements = 0;
  packet::SlabPool pool;
  packet::BatchBuilder builder{pool, "eth0", 0};
  std::uint64_t sequence = 0;
  std::int64_t now_ns = wall_ns();
  MediaDirectory media{table};
  FollowedCalls followed{table, media};
};

}  // namespace

TEST_CASE("The media of a followed call is announced to other hunters, once, with the filters that want it",
          "[followed_calls]") {
  Bench bench;
  const SipCall call;
  bench.push(
      {call.invite(), call.answer(100), call.answer(200), call.rtp_from_caller(), call.invite(), call.answer(200)},
      {"full", "net"});
  REQUIRE(bench.wait_for(kOfTheCall));
  for (const auto& [id, filter] : bench.endpoints) {
    CHECK(id.size() < 64);
    CHECK(filter.enabled);
    CHECK(filter.type == fleet::FilterType::kMediaEndpoint);
    CHECK(filter.follows == Ids{"full"});
    CHECK(filter.action == fleet::CaptureAction::kFull);
    CHECK(filter.expires_at_ns > wall_ns());  // should nobody be left to withdraw it
  }
  bench.push({call.answer(200), call.invite()}, {"full"}, "h2");  // the same, captured elsewhere too
  Addresses all = kOfTheCall;
  REQUIRE(bench.wait_for_marker(all));
  CHECK(bench.announcements == kOfTheCall.size() + 2);
}

TEST_CASE("What no call filter matched is not followed, and what only signalling is wanted of is not announced",
          "[followed_calls]") {
  Bench bench;
  bench.push({numbered_call(1).invite()}, {});
  bench.push({numbered_call(2).invite()}, {"net"});
  bench.push({numbered_call(3).invite()}, {"unknown"});
  bench.push({numbered_call(4).invite()}, {"signalling"});
  CHECK(bench.wait_for_marker());
}

TEST_CASE("The announcement asks for the most that a filter of the call asks for", "[followed_calls]") {
  Bench bench;
  const auto [ids, action] =
      GENERATE(table<Ids, fleet::CaptureAction>({{{"headers"}, fleet::CaptureAction::kRtpHeaders},
                                                 {{"signalling", "headers"}, fleet::CaptureAction::kRtpHeaders},
                                                 {{"headers", "signalling"}, fleet::CaptureAction::kRtpHeaders},
                                                 {{"full", "headers", "signalling"}, fleet::CaptureAction::kFull},
                                                 {{"signalling", "headers", "full"}, fleet::CaptureAction::kFull}}));
  bench.push({SipCall().invite(), SipCall().answer(200)}, ids);
  REQUIRE(bench.wait_for(kOfTheCall));
  for (const auto& [id, filter] : bench.endpoints) {
    CHECK(filter.action == action);
    CHECK(filter.follows == ids);
  }
}

TEST_CASE("Announcements are withdrawn when the call and its grace are over", "[followed_calls]") {
  Bench bench;
  const SipCall call;
  bench.push({call.invite(), call.answer(200)}, {"full"});
  REQUIRE(bench.wait_for(kOfTheCall));
  bench.now_ns += kSecond;
  bench.push({call.bye()}, {"full"});
  bench.now_ns += 6 * kSecond;
  bench.push({call.ok_to("BYE", 9, false)}, {"full"});
  CHECK(bench.wait_for({}));
}

TEST_CASE("A call of which only media comes goes on, though not every packet of it is looked at", "[followed_calls]") {
  Bench bench;
  const SipCall call;
  bench.push({call.invite(), call.answer(200)}, {"full"});
  REQUIRE(bench.wait_for(kOfTheCall));
  for (std::uint16_t packet = 1; packet <= 60; ++packet) {
    bench.now_ns += 10 * kSecond;
    bench.push({call.rtp_from_caller(packet)}, {"full"});
  }
  CHECK(bench.wait_for_marker(kOfTheCall));
  bench.now_ns += 310 * kSecond;
  bench.push({numbered_call(9).invite()}, {"full"});
  CHECK(bench.wait_for_marker());
}

TEST_CASE("Announcements are withdrawn when none of their filters is left", "[followed_calls]") {
  Bench bench;
  const SipCall call;
  bench.push({call.invite(), call.answer(200)}, {"full", "headers"});
  REQUIRE(bench.wait_for(kOfTheCall));
  bench.erase("full");
  CHECK(bench.wait_for_marker(kOfTheCall, "headers"));
  bench.erase("headers");
  CHECK(bench.wait_for({}));
}

TEST_CASE("A filter that is changed under its id no longer follows the calls of its former pattern",
          "[followed_calls]") {
  Bench bench;
  const SipCall call;
  bench.push({call.invite(), call.answer(200)}, {"full"});
  REQUIRE(bench.wait_for(kOfTheCall));
  bench.put("full", fleet::FilterType::kSipUser, "bob", fleet::CaptureAction::kFull);
  CHECK(bench.wait_for({}));
  bench.put("full", fleet::FilterType::kSipUser, "alice", fleet::CaptureAction::kFull);
  CHECK(bench.wait_for(kOfTheCall));
}

TEST_CASE("A message in fragments whose last is lost is followed by what there is of it", "[followed_calls]") {
  Bench bench;
  const SipCall call;
  const std::string text = call.invite_text() + std::string(400, 'x');
  auto fragments = udp_fragments(call.caller_sip, call.callee_sip, bytes_of(text), 640, 1);
  REQUIRE(fragments.size() == 2);
  fragments.pop_back();
  bench.push(fragments, {"full"});
  bench.now_ns += 10 * kSecond;
  bench.push({numbered_call(1).rtp_from_caller()}, {"full"});  // time passes by packets
  CHECK(bench.wait_for({"10.0.0.1:4000", "10.0.0.1:4001"}));
}

TEST_CASE("Signalling over TCP is followed across segments", "[followed_calls]") {
  Bench bench;
  const SipCall call;
  const std::string text = call.invite_text();
  bench.push({tcp_frame(call.caller_sip, call.callee_sip, 1, bytes_of(text.substr(0, 200)))}, {"full"});
  bench.push({tcp_frame(call.caller_sip, call.callee_sip, 201, bytes_of(text.substr(200)))}, {"full"});
  CHECK(bench.wait_for({"10.0.0.1:4000", "10.0.0.1:4001"}));
}

TEST_CASE("A message that follows segments which no filter wanted is followed by its own filters", "[followed_calls]") {
  Bench bench;
  const SipCall call;
  const SipCall later = numbered_call(1);
  bench.push({tcp_frame(call.caller_sip, call.callee_sip, 1, bytes_of(call.invite_text()))}, {"full"});
  // What is between was not forwarded; the stream waits a second for it.
  bench.push({tcp_frame(call.caller_sip, call.callee_sip, 5000, bytes_of(later.invite_text()))}, {"headers"});
  REQUIRE(bench.wait_for({"10.0.0.1:4000", "10.0.0.1:4001", "10.1.0.2:4000", "10.1.0.2:4001"}));
  for (const auto& [id, filter] : bench.endpoints) {
    CHECK(filter.follows == Ids{filter.pattern.starts_with("10.1.") ? "headers" : "full"});
  }
}

TEST_CASE("Packets count for each filter that matched them, with the time of the last", "[followed_calls]") {
  Bench bench;
  const SipCall call;
  bench.push({call.rtp_from_caller(1), call.rtp_from_caller(2)}, {"full", "net"});
  bench.now_ns += kSecond;
  bench.push({call.rtp_from_caller(3)}, {"net"}, "h2");
  const std::int64_t last = bench.now_ns;
  bench.now_ns -= kSecond;
  REQUIRE(bench.wait_for_marker());
  CHECK(bench.listed("full").packets_hit == 3);  // the marker's too
  CHECK(bench.listed("full").last_hit_ns == bench.now_ns);
  CHECK(bench.listed("net").packets_hit == 3);
  CHECK(bench.listed("net").last_hit_ns == last);
  CHECK(bench.listed("headers").packets_hit == 0);
  CHECK(bench.followed.skipped() == 0);
}

TEST_CASE("What a hunter below another processor sends matched that one's filters, whatever their ids",
          "[followed_calls]") {
  Bench bench;
  const SipCall call;
  bench.push({call.invite(), call.answer(200), call.rtp_from_caller()}, {"full"}, "h1", "edge/h1");
  REQUIRE(bench.wait_for_marker());
  CHECK(bench.listed("full").packets_hit == 1);  // the marker's
}
