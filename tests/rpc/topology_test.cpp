// The topology of one processor, against clients of generated classes alone.
#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/wire/topology_messages.h"
#include "tests/rpc/packet_calls.h"
#include "tests/rpc/subscriber.h"
#include "tests/support/topology_events.h"
#include "tests/support/trees.h"
#include "tests/unit/capture/capture_judges.h"

using namespace lc;
using namespace lc::test;
using namespace std::chrono_literals;
namespace pb = lippycat::management;
using grpc::StatusCode;

namespace {

auto subscribe_topology(Client& client, bool below = true) {
  pb::TopologySubscribeRequest request;
  request.set_include_downstream(below);
  return Subscriber<pb::TopologyUpdate>(
      [&](grpc::ClientContext* context) { return client.control->SubscribeTopology(context, request); });
}

pb::ProcessorNode topology_of(Client& client) {
  Context context;
  pb::TopologyResponse response;
  REQUIRE(client.control->GetTopology(&context, {}, &response).ok());
  return response.processor();
}

/// A hunter's Heartbeat call, each beat answered before the next.
class HeartbeatCall {
 public:
  explicit HeartbeatCall(Client& client) : stream_(client.control->Heartbeat(&context_)) {}
  ~HeartbeatCall() {
    context_.TryCancel();
    static_cast<void>(stream_->Finish());
  }
  void beat(pb::HunterStatus status, const std::string& id = "h1") {
    pb::HunterHeartbeat beat;
    beat.set_hunter_id(id);
    beat.set_status(status);
    beat.mutable_stats()->set_packets_captured(77);
    REQUIRE(stream_->Write(beat));
    pb::ProcessorHeartbeat answer;
    REQUIRE(stream_->Read(&answer));
  }

 private:
  Context context_;
  std::unique_ptr<grpc::ClientReaderWriter<pb::HunterHeartbeat, pb::ProcessorHeartbeat>> stream_;
};

void change_filter(Client& client, const std::string& id, const std::string& pattern) {
  Context context;
  pb::Filter filter;
  filter.set_id(id);
  filter.set_pattern(pattern);
  filter.set_enabled(true);
  pb::FilterUpdateResult result;
  REQUIRE(client.control->UpdateFilter(&context, filter, &result).ok());
}

}  // namespace

TEST_CASE("Who asks for figures is sent those of the processor and its hunters, beside the changes", "[topology]") {
  const capture::test::TempDir directory;
  const auto node = serve(settings(directory.file("x.pcap")));
  Client hunter(node->address());
  Client client(node->address());
  REQUIRE(hunter.register_hunter("h1").ok());
  HeartbeatCall beats(hunter);
  beats.beat(pb::STATUS_HEALTHY);
  pb::TopologySubscribeRequest request;
  request.set_figures_interval_ms(1);
  Subscriber<pb::TopologyUpdate> console(
      [&](grpc::ClientContext* context) { return client.control->SubscribeTopology(context, request); });
  const auto first = console.next();
  REQUIRE(first);
  CHECK(first->has_snapshot());
  const auto update = console.next();
  REQUIRE(update);
  REQUIRE(update->update_type() == pb::TOPOLOGY_FIGURES);
  CHECK(update->revision() == 0);
  CHECK(update->path_size() == 0);
  CHECK(update->figures().processor().memory_rss_bytes() > 0);
  CHECK(update->figures().processor().started_ns() > 0);
  REQUIRE(update->figures().hunters_size() == 1);
  CHECK(update->figures().hunters(0).hunter_id() == "h1");
  CHECK(update->figures().hunters(0).stats().packets_captured() == 77);
  CHECK(update->figures().hunters(0).clock_offset_ns() == 0);  // its beats say no time

  change_filter(client, "f1", "alice");
  const auto change = console.next();
  REQUIRE(change);
  CHECK(change->has_filter_updated());
  CHECK(change->revision() == first->revision() + 1);
  const auto again = console.next();
  REQUIRE(again);
  REQUIRE(again->has_figures());
  CHECK(again->figures().processor().total_filters() == 1);
  CHECK(again->figures().hunters(0).filters_targeting() == 1);
}

TEST_CASE("A subscriber is sent the tree, and then each change at once and numbered without a gap", "[topology]") {
  const capture::test::TempDir directory;
  const auto node = serve(settings(directory.file("x.pcap")));
  Client hunter(node->address());
  Client client(node->address());
  REQUIRE(hunter.register_hunter("h0").ok());
  auto console = subscribe_topology(client);
  const auto first = console.next();
  REQUIRE(first);
  CHECK(first->update_type() == pb::TOPOLOGY_SNAPSHOT);
  CHECK(first->processor_id() == "p1");
  CHECK(first->snapshot().processor_id() == "p1");
  CHECK(first->snapshot().address() == node->address());
  REQUIRE(first->snapshot().hunters_size() == 1);
  CHECK(first->snapshot().hunters(0).hunter_id() == "h0");
  std::uint64_t revision = first->revision();
  const auto next = [&] {
    auto update = console.next();
    REQUIRE(update);
    CHECK(update->revision() == ++revision);
    CHECK(update->processor_id() == "p1");
    CHECK(update->path().empty());
    CHECK(update->timestamp_ns() > 1'700'000'000'000'000'000);
    return *update;
  };

  REQUIRE(hunter.register_hunter("h1").ok());
  const pb::TopologyUpdate connected = next();
  CHECK(connected.update_type() == pb::TOPOLOGY_HUNTER_CONNECTED);
  CHECK(connected.hunter_connected().hunter().hunter_id() == "h1");
  CHECK(connected.hunter_connected().hunter().hostname() == "host-h1");
  CHECK(connected.hunter_connected().hunter().interfaces(0) == "eth0");
  CHECK(connected.hunter_connected().hunter().capabilities().max_buffer_size() == 12345);
  CHECK(connected.hunter_connected().hunter().connected_since_ns() > 1'700'000'000'000'000'000);
  {
    HeartbeatCall heartbeat(hunter);
    heartbeat.beat(pb::STATUS_HEALTHY);  // says nothing new
    heartbeat.beat(pb::STATUS_WARNING);
    const pb::TopologyUpdate changed = next();
    CHECK(changed.update_type() == pb::TOPOLOGY_HUNTER_STATUS_CHANGED);
    CHECK(changed.hunter_status_changed().hunter_id() == "h1");
    CHECK(changed.hunter_status_changed().old_status() == pb::STATUS_HEALTHY);
    CHECK(changed.hunter_status_changed().new_status() == pb::STATUS_WARNING);
    const pb::ProcessorNode asked = topology_of(client);
    REQUIRE(asked.hunters_size() == 2);
    CHECK(asked.hunters(1).status() == pb::STATUS_WARNING);
    CHECK(asked.hunters(1).stats().packets_captured() == 77);
  }
  const pb::TopologyUpdate lost = next();
  CHECK(lost.update_type() == pb::TOPOLOGY_HUNTER_DISCONNECTED);
  CHECK(lost.hunter_disconnected().hunter_id() == "h1");
  CHECK(lost.hunter_disconnected().reason() == "its connection broke");
  CHECK(topology_of(client).hunters_size() == 1);

  REQUIRE(hunter.register_hunter("h1").ok());
  CHECK(next().hunter_connected().hunter().hunter_id() == "h1");
  {
    HeartbeatCall heartbeat(hunter);
    heartbeat.beat(pb::STATUS_STOPPING);
    CHECK(next().hunter_status_changed().new_status() == pb::STATUS_STOPPING);
  }
  CHECK(next().hunter_disconnected().reason() == "it has stopped");
}

TEST_CASE("A change of the filters is told with its revision", "[topology]") {
  const capture::test::TempDir directory;
  const auto node = serve(settings(directory.file("x.pcap")));
  Client client(node->address());
  auto console = subscribe_topology(client);
  REQUIRE(console.next());
  const auto told = [&] {
    const auto update = console.next();
    REQUIRE(update);
    CHECK(update->update_type() == pb::TOPOLOGY_FILTER_UPDATED);
    return update->filter_updated().update();
  };
  change_filter(client, "f1", "alice");
  const pb::FilterUpdate added = told();
  CHECK(added.update_type() == pb::UPDATE_ADD);
  CHECK(added.filter().id() == "f1");
  CHECK(added.filter().pattern() == "alice");
  change_filter(client, "f1", "bob");
  const pb::FilterUpdate modified = told();
  CHECK(modified.update_type() == pb::UPDATE_MODIFY);
  CHECK(modified.filter().pattern() == "bob");
  CHECK(modified.revision() > added.revision());
  Context context;
  pb::FilterDeleteRequest request;
  request.set_filter_id("f1");
  pb::FilterUpdateResult result;
  REQUIRE(client.control->DeleteFilter(&context, request, &result).ok());
  const pb::FilterUpdate deleted = told();
  CHECK(deleted.update_type() == pb::UPDATE_DELETE);
  CHECK(deleted.filter().id() == "f1");
  CHECK(deleted.revision() == result.revision());
}

TEST_CASE("Who asks for one processor alone is told of nothing below it, and has numbers without a gap", "[topology]") {
  const capture::test::TempDir directory;
  const auto node = serve(settings(directory.file("x.pcap")));
  Client client(node->address());
  processor::Topology& topology = node->engine().topology();
  REQUIRE(topology.child_told(tree("below", {"h9"}), 1));
  auto own = subscribe_topology(client, false);
  auto all = subscribe_topology(client);
  const auto own_first = own.next();
  const auto all_first = all.next();
  REQUIRE(own_first);
  REQUIRE(all_first);
  CHECK(own_first->snapshot().downstream_processors().empty());
  REQUIRE(all_first->snapshot().downstream_processors_size() == 1);
  const pb::ProcessorNode& below = all_first->snapshot().downstream_processors(0);
  CHECK(below.processor_id() == "below");
  CHECK(below.hierarchy_depth() == 1);
  CHECK(below.hunters(0).hunter_id() == "h9");

  topology.child_lost("below", "the connection broke", 2).tell();
  REQUIRE(client.register_hunter("h1").ok());
  const auto lost = all.next();
  REQUIRE(lost);
  CHECK(lost->update_type() == pb::TOPOLOGY_REACHABILITY_CHANGED);
  CHECK(lost->reachability_changed().processor_id() == "below");
  CHECK_FALSE(lost->reachability_changed().reachable());
  CHECK(lost->reachability_changed().reason() == "the connection broke");
  CHECK(lost->revision() == all_first->revision() + 1);
  const auto connected = own.next();
  REQUIRE(connected);
  CHECK(connected->hunter_connected().hunter().hunter_id() == "h1");
  CHECK(connected->revision() == own_first->revision() + 1);
}

TEST_CASE("A subscriber that does not read gets a new snapshot in place of what it missed", "[topology]") {
  const capture::test::TempDir directory;
  const auto node = serve(settings(directory.file("x.pcap")));
  Client client(node->address());
  processor::Topology& topology = node->engine().topology();
  auto console = subscribe_topology(client);
  REQUIRE(console.next());
  fleet::ConnectedHunter large = hunter("h1");
  large.description.hostname = std::string(20'000, 'x');
  for (std::int64_t i = 1; i <= 20'000; ++i) {  // of 20 kB each: nothing between here and there holds them
    large.connected_since_ns = i;
    hunter_connected(topology, large, i);
  }
  int updates = 0;
  bool snapshot = false;
  for (std::int64_t seen = 0; seen < 20'000; ++updates) {
    const auto update = console.next();
    REQUIRE(update);
    snapshot = snapshot || update->update_type() == pb::TOPOLOGY_SNAPSHOT;
    seen = update->has_snapshot() ? update->snapshot().hunters(0).connected_since_ns()
                                  : update->hunter_connected().hunter().connected_since_ns();
  }
  CHECK(snapshot);
  CHECK(updates < 10'000);
}

TEST_CASE("There are as many subscribers of the topology as are allowed, and a stop of the processor ends them",
          "[topology]") {
  const capture::test::TempDir directory;
  processor::EngineSettings engine = settings(directory.file("x.pcap"));
  engine.max_subscribers = 1;
  auto node = serve(engine);
  Client client(node->address());
  auto first = subscribe_topology(client);
  REQUIRE(first.next());
  {
    auto second = subscribe_topology(client);
    CHECK_FALSE(second.next());
    const grpc::Status status = second.end();
    CHECK(status.error_code() == StatusCode::RESOURCE_EXHAUSTED);
    CHECK(status.error_message() == "maximum number of subscribers of the topology reached: limit 1");
  }
  node.reset();
  CHECK_FALSE(first.next());
  const grpc::Status status = first.end();
  CHECK(status.error_code() == StatusCode::UNAVAILABLE);
  CHECK(status.error_message() == "the processor is stopping");
}

TEST_CASE("A tree and each of its changes are the same after their way through the messages", "[topology]") {
  fleet::ConnectedHunter one = hunter("h1", fleet::HunterStatus::kWarning);
  one.description.hostname = "host";
  one.description.interfaces = {"eth0", "eth1"};
  one.description.version = "1.2";
  one.description.capabilities = {
      .filter_types = {"bpf"}, .max_buffer_bytes = 5, .gpu_acceleration = true, .af_xdp = true};
  one.remote_address = "192.0.2.1:4";
  one.connected_since_ns = 1'700'000'000'000'000'001;
  const auto shared = std::make_shared<const fleet::ConnectedHunter>(one);
  const fleet::Processor facts{.id = "p",
                               .address = "192.0.2.2:55555",
                               .type = fleet::NodeType::kTap,
                               .interfaces = {"eth2"},
                               .status = fleet::ProcessorStatus::kError,
                               .version = "3.4",
                               .upstream = "192.0.2.3:55555",
                               .status_reason = "disk full"};
  const auto whole = std::make_shared<const fleet::ProcessorNode>(fleet::ProcessorNode{
      .processor = facts, .hunters = {shared}, .children = {unreachable(tree("c1", {"h2"})), tree("c2")}});
  const auto there_and_back = [](const fleet::TopologyUpdate& update) {
    pb::TopologyUpdate message;
    REQUIRE(message.ParseFromString(wire::to_proto(update, wire::Teller{.id = "teller"}).SerializeAsString()));
    auto back = wire::from_proto(message);
    REQUIRE(back);
    CHECK(back->revision == 9);
    return *back;
  };
  const auto snapshot = there_and_back({.revision = 9, .snapshot = whole});
  REQUIRE(snapshot.snapshot);
  CHECK(fleet::equal(snapshot.snapshot, whole));

  const fleet::ProcessorTree before = tree("top", {"gone", "h1"}, {tree("lost"), tree("old")});
  const std::vector<fleet::TreeEvent> events = {
      fleet::HunterConnected{shared},
      fleet::HunterDisconnected{"gone", "why"},
      fleet::HunterStatusChanged{"h1", fleet::HunterStatus::kHealthy, fleet::HunterStatus::kError},
      fleet::ProcessorChanged{{.id = "top", .status = fleet::ProcessorStatus::kWarning, .status_reason = "full"}},
      fleet::ProcessorConnected{whole},
      fleet::ProcessorRemoved{"old", "old:55555", "why"},
      fleet::ReachabilityChanged{"lost", {.reachable = false, .reason = "why", .since_ns = 5}},
  };
  for (const fleet::TreeEvent& event : events) {
    const fleet::TreeChange change{.time_ns = 4, .path = {}, .event = event};
    const auto back = there_and_back({.revision = 9, .change = std::make_shared<const fleet::TreeChange>(change)});
    REQUIRE(back.change);
    CHECK(back.change->time_ns == 4);
    CHECK(back.change->event.index() == event.index());
    CHECK(fleet::equal(*fleet::apply_change(before, *back.change), *fleet::apply_change(before, change)));
  }
  fleet::FilterUpdated filter;
  filter.update.type = fleet::FilterUpdateType::kModify;
  filter.update.filter.id = "f";
  filter.update.filter.pattern = "alice";
  filter.update.revision = 6;
  const auto back = there_and_back({.revision = 9,
                                    .change = std::make_shared<const fleet::TreeChange>(
                                        fleet::TreeChange{.time_ns = 4, .path = {"east", "proc-b"}, .event = filter})});
  CHECK(back.change->path == fleet::NodePath{"east", "proc-b"});
  CHECK(std::get<fleet::FilterUpdated>(back.change->event).update == filter.update);
  CHECK_FALSE(wire::from_proto(pb::TopologyUpdate()));
}
