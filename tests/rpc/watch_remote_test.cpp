// What consoles keep to a processor: subscriptions that come back by themselves, and operations below it.
#include <poll.h>

#include <catch2/catch.hpp>
#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "lcwatch/remote/grpc_remote.h"
#include "tests/rpc/watched_processor.h"

namespace lc::test {
namespace {

using namespace lc::watch;
namespace pb = lippycat::management;

/// A remote on one processor, and what it has brought.
class Watcher {
 public:
  explicit Watcher(const std::string& address, std::optional<std::set<std::string>> hunters = {})
      : remote({{.name = "noc", .address = address, .tls = {}, .hunters = std::move(hunters)}}, {}, inbox_) {}

  /// The first update of this type that fits, of those that have not been looked at; what comes before it is passed
  /// over.
  template <typename Kind>
  std::optional<Kind> next(const std::function<bool(const Kind&)>& fits = [](const Kind&) { return true; }) {
    const auto end = Clock::now() + std::chrono::seconds(30);
    while (Clock::now() < end) {
      while (!updates_.empty()) {
        const Update update = std::move(updates_.front());
        updates_.pop_front();
        const auto* one = std::get_if<Kind>(&update);
        if (one != nullptr && fits(*one)) return *one;
      }
      pollfd ready{inbox_.fd(), POLLIN, 0};
      ::poll(&ready, 1, 1'000);
      for (Update& update : inbox_.take()) updates_.push_back(std::move(update));
    }
    return std::nullopt;
  }
  std::optional<StreamChanged> change_of(StreamKind stream, bool up) {
    return next<StreamChanged>(
        [&](const StreamChanged& changed) { return changed.stream == stream && changed.up == up; });
  }

 private:
  Inbox inbox_;
  std::deque<Update> updates_;

 public:
  GrpcRemote remote;
};

lippycat::data::PacketBatch batch(int packets, std::uint64_t skipped) {
  lippycat::data::PacketBatch made;
  made.set_hunter_id("h1");
  made.mutable_stats()->set_dropped(skipped);
  for (int i = 0; i < packets; ++i) {
    auto& packet = *made.add_packets();
    packet.set_data("abc");
    packet.set_capture_length(3);
    packet.set_original_length(60);
    packet.set_link_type(1);
    packet.set_interface_name("eth0");
    packet.mutable_metadata()->set_src_ip("2001:db8::1");
    packet.mutable_metadata()->set_src_port(5060);
    packet.mutable_metadata()->set_protocol("SIP");
    packet.mutable_metadata()->mutable_sip()->set_call_id("c1");
  }
  return made;
}

}  // namespace

TEST_CASE("A subscription that breaks comes back by itself and leaves the others", "[watch_remote]") {
  WatchedProcessor processor;
  Watcher watcher(processor.address, std::set<std::string>{"h1"});
  for (const char* kind : {"topology", "packets", "calls"}) REQUIRE(processor.wait_begun(kind, 1));
  const struct {
    const char* name;
    StreamKind kind;
  } all[] = {{"topology", StreamKind::kTopology}, {"packets", StreamKind::kPackets}, {"calls", StreamKind::kCalls}};
  for (const auto& one : all) {
    const int before = processor.begun(one.name);
    processor.cut(one.name);
    const auto down = watcher.change_of(one.kind, false);
    REQUIRE(down);
    CHECK(down->reason == "connection lost: cut");
    CHECK(down->code == Code::kUnavailable);
    CHECK(down->retry_at - Clock::now() < std::chrono::seconds(1));
    REQUIRE(watcher.change_of(one.kind, true));
    CHECK(processor.begun(one.name) == before + 1);
  }
  CHECK(processor.begun("topology") == 2);
  CHECK(processor.begun("packets") == 2);
  CHECK(processor.begun("calls") == 2);
  // What was chosen stays chosen.
  const auto requests = processor.look([&] { return processor.packet_requests; });
  REQUIRE(requests.size() == 2);
  for (const auto& request : requests) {
    CHECK(request.has_hunter_filter());
    REQUIRE(request.hunter_ids_size() == 1);
    CHECK(request.hunter_ids(0) == "h1");
  }
}

TEST_CASE("A processor that nobody serves is named as down, with a time to try again", "[watch_remote]") {
  const auto begin = Clock::now();
  Watcher watcher("127.0.0.1:1");
  const auto down = watcher.change_of(StreamKind::kTopology, false);
  REQUIRE(down);
  CHECK(down->reason == "failed to connect to processor: connection refused");
  CHECK(down->code == Code::kUnavailable);
  CHECK(down->retry_at > begin);
}

TEST_CASE("A tree is asked for anew when one of its updates is missing", "[watch_remote]") {
  WatchedProcessor processor;
  Watcher watcher(processor.address);
  const auto first = watcher.next<TreeCame>();
  REQUIRE(first);
  CHECK(first->tree->processor.id == "root");

  pb::TopologyUpdate update;
  update.set_update_type(pb::TOPOLOGY_HUNTER_CONNECTED);
  update.mutable_hunter_connected()->mutable_hunter()->set_hunter_id("h1");
  update.set_revision(11);
  processor.send(update);
  const auto second = watcher.next<TreeCame>();
  REQUIRE(second);
  REQUIRE(second->change);
  CHECK(second->tree->hunters.size() == 1);

  update.set_revision(13);
  update.mutable_hunter_connected()->mutable_hunter()->set_hunter_id("h2");
  processor.send(update);
  const auto third = watcher.next<TreeCame>();
  REQUIRE(third);
  CHECK_FALSE(third->change);
  CHECK(third->tree->hunters.empty());
  CHECK(processor.begun("topology") == 2);
  CHECK(processor.begun("calls") == 1);
}

TEST_CASE("A refused token is renewed once, and the change made again", "[watch_remote]") {
  WatchedProcessor processor;
  Watcher watcher(processor.address);
  REQUIRE(watcher.next<TreeCame>());
  fleet::Filter alice;
  alice.id = "alice";
  processor.look([&] { processor.tokens_refused = 1; });
  const auto operation = watcher.remote.save_filter(0, {"below"}, alice);
  const auto done = watcher.next<OperationDone>();
  REQUIRE(done);
  CHECK(done->operation == operation);
  REQUIRE(done->status);
  CHECK(done->done == "filter \"alice\" saved, in force at 2 hunters, 1 pending");
  CHECK(processor.look([&] { return processor.tokens_used; }) == std::vector<std::string>{"1", "2"});

  processor.look([&] { processor.tokens_refused = 5; });
  watcher.remote.save_filter(0, {"below"}, alice);
  const auto refused = watcher.next<OperationDone>();
  REQUIRE(refused);
  REQUIRE_FALSE(refused->status);
  CHECK(refused->status.error().code == Code::kUnauthenticated);
  CHECK(processor.look([&] { return processor.tokens_used.size(); }) == 4);
}

TEST_CASE("A console knows from the start whether it may change filters", "[watch_remote]") {
  WatchedProcessor processor;
  SECTION("it may") {
    Watcher watcher(processor.address);
    const auto access = watcher.next<AccessKnown>();
    REQUIRE(access);
    CHECK(access->may_change);
    CHECK(processor.look([&] { return processor.tokens; }) == 0);
  }
  SECTION("it may not") {
    processor.look([&] { processor.read_only = true; });
    Watcher watcher(processor.address);
    const auto access = watcher.next<AccessKnown>();
    REQUIRE(access);
    CHECK_FALSE(access->may_change);
  }
}

TEST_CASE("Packets beyond what anybody can look at are counted, and none twice", "[watch_remote]") {
  WatchedProcessor processor;
  Watcher watcher(processor.address);
  REQUIRE(processor.wait_begun("packets", 1));
  for (int i = 0; i < 10; ++i) processor.send(batch(1'000, 7));
  std::size_t rows = 0;
  std::optional<PacketRow> row;
  const auto last = watcher.next<PacketsCame>([&](const PacketsCame& came) {
    rows += came.packets.size();
    if (!came.packets.empty() && !row) row = came.packets.front();
    return came.offered == 10'007;
  });
  REQUIRE(last);
  CHECK(last->skipped + rows == 10'007);
  CHECK(last->skipped >= 7);
  REQUIRE(row);
  CHECK(row->number == 1);
  CHECK(row->source == "[2001:db8::1]:5060");
  CHECK(row->protocol == "SIP");
  CHECK(row->call_id == "c1");
  CHECK(row->length == 60);
  CHECK(*row->bytes == "abc");
}

TEST_CASE("All batches go through a queue, and the processor is not read from while it is full", "[watch_remote]") {
  WatchedProcessor processor;
  Inbox inbox;
  PacketQueue queue;
  const GrpcRemote remote({{.name = "noc", .address = processor.address, .tls = {}, .hunters = {}}},
                          {.topology = false, .figures = false, .calls = false}, inbox, &queue);
  lippycat::data::PacketBatch large;
  large.set_hunter_id("h1");
  large.add_packets()->set_data(std::string(200'000, 'x'));
  constexpr int kBatches = 200;  // 40 MB, more than the queue holds
  for (int i = 0; i < kBatches; ++i) processor.send(large);
  std::uint64_t number = 0;
  for (int i = 0; i < kBatches; ++i) {
    pollfd ready{queue.fd(), POLLIN, 0};
    auto delivery = queue.next();
    while (!delivery) {
      REQUIRE(::poll(&ready, 1, 30'000) == 1);
      delivery = queue.next();
    }
    CHECK(delivery->first_number == ++number);
  }
}

}  // namespace lc::test
