// A processor on the network against clients of generated classes alone.
#include "processord/service/processor_node.h"

#include <grpcpp/generic/generic_stub.h>
#include <sys/resource.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/base/clock.h"
#include "tests/rpc/packet_calls.h"
#include "tests/rpc/subscriber.h"
#include "tests/unit/capture/capture_judges.h"

using namespace lc;
using namespace lc::test;
using namespace std::chrono_literals;
using lc::capture::test::TempDir;
namespace data = lippycat::data;
namespace management = lippycat::management;
using grpc::StatusCode;

namespace {

/// How a StreamPackets call ends whose first message are these bytes.
grpc::Status answer_to_bytes(Client& client, const std::string& bytes) {
  Context context;
  grpc::CompletionQueue queue;
  const auto done = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    REQUIRE(queue.Next(&tag, &ok));  // the call's deadline bounds it
  };
  const auto call =
      grpc::GenericStub(client.channel).PrepareCall(&context, "/lippycat.data.DataService/StreamPackets", &queue);
  call->StartCall(nullptr);
  done();
  const grpc::Slice slice(bytes);
  call->Write(grpc::ByteBuffer(&slice, 1), nullptr);
  done();
  grpc::Status status;
  call->Finish(&status, nullptr);
  done();
  return status;
}

/// By a processor that stores nothing.
std::uint64_t packets_taken(Client& client) {
  Context context;
  management::StatusResponse status;
  REQUIRE(client.control->GetHunterStatus(&context, {}, &status).ok());
  return status.processor_stats().packets_live_only();
}

}  // namespace

TEST_CASE(
    "Batches are acknowledged with their hunter and epoch once they are stored, and a clean half-close ends with OK",
    "[processor_node]") {
  const TempDir directory;
  const std::string file = directory.file("all.pcap");
  const auto node = serve(settings(file));
  Client client(node->address());
  REQUIRE(client.register_hunter().ok());
  CHECK(client.registered.accepted());
  CHECK(client.registered.assigned_id() == "h1");
  CHECK(client.registered.resume_after() == 0);
  CHECK(client.registered.config().processor_id() == "p1");

  PacketCall call(client);
  REQUIRE(call.send(batch(1)));
  REQUIRE(call.wait_for_ack(1));
  CHECK(call.last.hunter_id() == "h1");
  CHECK(call.last.epoch() == kEpoch);
  CHECK(call.last.ack_sequence() == 1);
  CHECK(call.last.error().empty());
  check_complete(stored_numbers(file), 1, 2);

  for (std::uint64_t sequence = 2; sequence <= 50; ++sequence) REQUIRE(call.send(batch(sequence)));
  call.half_close();
  const grpc::Status status = call.end();
  CHECK(status.ok());
  CHECK(call.last.ack_sequence() == 50);
  check_complete(stored_numbers(file), 1, 100);
}

TEST_CASE("One acknowledgement stands for small batches that come within 400 ms, and each is acknowledged at last",
          "[processor_node]") {
  const auto node = serve(settings());
  Client client(node->address());
  REQUIRE(client.register_hunter().ok());
  PacketCall call(client);
  std::atomic<int> heard{0};
  const auto begin = Clock::now();
  std::thread reader([&] {
    for (std::uint64_t sequence = 0; sequence < 10; sequence = call.last.ack_sequence()) {
      if (!call.wait_for_ack(sequence + 1)) return;
      ++heard;
    }
  });
  for (std::uint64_t sequence = 1; sequence <= 10; ++sequence) {
    REQUIRE(call.send(batch(sequence)));
    while (packets_taken(client) < 2 * sequence) std::this_thread::yield();
  }
  reader.join();
  CHECK(call.last.ack_sequence() == 10);
  CHECK(heard <= 1 + (Clock::now() - begin) / 400ms);
  call.half_close();
  CHECK(call.end().ok());
}

TEST_CASE("Batches that come again are acknowledged and stored once", "[processor_node]") {
  const TempDir directory;
  const std::string file = directory.file("all.pcap");
  const auto node = serve(settings(file));
  Client client(node->address());
  REQUIRE(client.register_hunter().ok());
  {
    PacketCall call(client);
    for (std::uint64_t sequence = 1; sequence <= 3; ++sequence) REQUIRE(call.send(batch(sequence)));
    call.half_close();
    REQUIRE(call.end().ok());
  }
  REQUIRE(client.register_hunter().ok());
  CHECK(client.registered.resume_after() == 3);
  PacketCall call(client);
  REQUIRE(call.send(batch(2)));
  REQUIRE(call.wait_for_ack(3));  // nothing new is needed for that
  for (std::uint64_t sequence = 3; sequence <= 4; ++sequence) REQUIRE(call.send(batch(sequence)));
  call.half_close();
  REQUIRE(call.end().ok());
  CHECK(call.last.ack_sequence() == 4);
  check_complete(stored_numbers(file), 1, 8);
}

TEST_CASE("A hunter id belongs to one hunter, which may take over from itself", "[processor_node]") {
  processor::EngineSettings engine = settings();
  engine.max_hunters = 1;
  const auto node = serve(engine);
  Client first(node->address());
  REQUIRE(first.register_hunter().ok());
  PacketCall before(first);
  REQUIRE(before.send(batch(1)));
  REQUIRE(before.wait_for_ack(1));

  Client second(node->address());
  const grpc::Status stranger = second.register_hunter("h1", kEpoch + 1);
  CHECK(stranger.error_code() == StatusCode::ALREADY_EXISTS);
  CHECK_THAT(stranger.error_message(), Catch::Contains("host-h1") && Catch::Contains("127.0.0.1:"));
  const grpc::Status another = second.register_hunter("h2");
  CHECK(another.error_code() == StatusCode::RESOURCE_EXHAUSTED);
  CHECK(another.error_message() == "maximum number of hunters reached: limit 1");
  CHECK(second.register_hunter("not an id").error_code() == StatusCode::INVALID_ARGUMENT);

  REQUIRE(second.register_hunter().ok());
  CHECK(second.registered.resume_after() == 1);
  CHECK(before.end().error_code() == StatusCode::ABORTED);
  PacketCall after(second);
  REQUIRE(after.send(batch(2)));
  CHECK(after.wait_for_ack(2));
}

TEST_CASE("A stream that cannot be served is refused with the status that the protocol gives it", "[processor_node]") {
  const auto node = serve(settings());
  Client client(node->address());
  SECTION("its hunter is not registered") {
    PacketCall call(client);
    call.send(batch(1));
    CHECK(call.end().error_code() == StatusCode::FAILED_PRECONDITION);
  }
  SECTION("its hunter is registered with another epoch") {
    REQUIRE(client.register_hunter("h1", kEpoch + 1).ok());
    PacketCall call(client);
    call.send(batch(1));
    CHECK(call.end().error_code() == StatusCode::FAILED_PRECONDITION);
  }
  SECTION("it mixes hunters") {
    REQUIRE(client.register_hunter("h1").ok());
    REQUIRE(client.register_hunter("h2").ok());
    PacketCall call(client);
    REQUIRE(call.send(batch(1)));
    call.send(batch(1, 2, 60, "h2"));
    CHECK(call.end().error_code() == StatusCode::INVALID_ARGUMENT);
    CHECK(call.last.ack_sequence() <= 1);
  }
  SECTION("its bytes are no batch") {
    REQUIRE(client.register_hunter().ok());
    CHECK(answer_to_bytes(client, "\x22\x7f garbage").error_code() == StatusCode::INVALID_ARGUMENT);
    CHECK(answer_to_bytes(client, std::string(100, '\xff')).error_code() == StatusCode::INVALID_ARGUMENT);
  }
  SECTION("its heartbeat is of a hunter that is not registered") {
    Context context;
    const auto stream = client.control->Heartbeat(&context);
    management::HunterHeartbeat beat;
    beat.set_hunter_id("h1");
    stream->Write(beat);
    management::ProcessorHeartbeat answer;
    CHECK_FALSE(stream->Read(&answer));
    CHECK(stream->Finish().error_code() == StatusCode::NOT_FOUND);
  }
}

TEST_CASE("Status calls show what hunters registered and reported", "[processor_node]") {
  const auto node = serve(settings());
  Client client(node->address());
  REQUIRE(client.register_hunter().ok());
  Context beat_context;
  const auto beats = client.control->Heartbeat(&beat_context);
  management::HunterHeartbeat beat;
  beat.set_hunter_id("h1");
  beat.set_status(management::STATUS_WARNING);
  beat.mutable_stats()->set_packets_captured(42);
  beat.mutable_stats()->set_packets_dropped(3);
  (*beat.mutable_stats()->mutable_dropped_by_reason())["kernel"] = 3;
  REQUIRE(beats->Write(beat));
  management::ProcessorHeartbeat answer;
  REQUIRE(beats->Read(&answer));
  CHECK(answer.processor_id() == "p1");
  CHECK(answer.hunters_connected() == 1);
  CHECK(answer.status() == management::PROCESSOR_HEALTHY);
  CHECK(answer.timestamp_ns() > 1'700'000'000'000'000'000);
  PacketCall call(client);
  REQUIRE(call.send(batch(1, 5)));
  REQUIRE(call.wait_for_ack(1));

  const auto check_hunter = [&](const management::ConnectedHunter& hunter) {
    CHECK(hunter.hunter_id() == "h1");
    CHECK(hunter.hostname() == "host-h1");
    CHECK_THAT(hunter.remote_addr(), Catch::StartsWith("127.0.0.1:"));
    CHECK(hunter.status() == management::STATUS_WARNING);
    CHECK(hunter.last_heartbeat_ns() > 1'700'000'000'000'000'000);
    CHECK(hunter.stats().SerializeAsString() == beat.stats().SerializeAsString());
    REQUIRE(hunter.interfaces_size() == 1);
    CHECK(hunter.interfaces(0) == "eth0");
    REQUIRE(hunter.capabilities().filter_types_size() == 1);
    CHECK(hunter.capabilities().filter_types(0) == "bpf");
    CHECK(hunter.capabilities().max_buffer_size() == 12345);
  };
  const auto check_processor = [](const management::ProcessorStats& stats) {
    CHECK(stats.processor_id() == "p1");
    CHECK(stats.total_hunters() == 1);
    CHECK(stats.healthy_hunters() == 0);
    CHECK(stats.warning_hunters() == 1);
    CHECK(stats.error_hunters() == 0);
    CHECK(stats.total_packets_received() == 5);
    CHECK(stats.packets_stored() == 0);
    CHECK(stats.packets_live_only() == 5);
    CHECK(stats.packets_in_flight() == 0);
    CHECK(stats.packets_duplicate() == 0);
    CHECK(stats.dropped_by_reason().empty());
    CHECK(stats.status_reason().empty());
    CHECK(stats.status() == management::PROCESSOR_HEALTHY);
  };
  for (const std::string id : {"", "h1"}) {
    Context context;
    management::StatusRequest request;
    request.set_hunter_id(id);
    management::StatusResponse status;
    REQUIRE(client.control->GetHunterStatus(&context, request, &status).ok());
    REQUIRE(status.hunters_size() == 1);
    check_hunter(status.hunters(0));
    check_processor(status.processor_stats());
  }
  {
    Context context;
    management::StatusRequest request;
    request.set_hunter_id("nobody");
    management::StatusResponse status;
    CHECK(client.control->GetHunterStatus(&context, request, &status).error_code() == StatusCode::NOT_FOUND);
  }
  {
    Context context;
    management::ListHuntersResponse list;
    REQUIRE(client.control->ListAvailableHunters(&context, {}, &list).ok());
    REQUIRE(list.hunters_size() == 1);
    CHECK(list.hunters(0).hunter_id() == "h1");
    CHECK(list.hunters(0).hostname() == "host-h1");
    CHECK(list.hunters(0).status() == management::STATUS_WARNING);
    CHECK_THAT(list.hunters(0).remote_addr(), Catch::StartsWith("127.0.0.1:"));
    CHECK(list.hunters(0).capabilities().max_buffer_size() == 12345);
  }
  {
    Context context;
    management::TopologyResponse topology;
    REQUIRE(client.control->GetTopology(&context, {}, &topology).ok());
    const management::ProcessorNode& processor = topology.processor();
    CHECK(processor.address() == node->address());
    CHECK(processor.processor_id() == "p1");
    CHECK(processor.reachable());
    CHECK(processor.node_type() == management::NODE_TYPE_PROCESSOR);
    CHECK(processor.hierarchy_depth() == 0);
    CHECK_FALSE(processor.version().empty());
    check_processor(processor.stats());
    REQUIRE(processor.hunters_size() == 1);
    check_hunter(processor.hunters(0));
  }
}

TEST_CASE("A processor tells where every packet is that it received, and why it is not healthy", "[processor_node]") {
  const TempDir dir;
  const auto node = serve(settings(dir.file("x.pcap")));
  Client client(node->address());
  REQUIRE(client.register_hunter().ok());
  const auto stats_of = [&] {
    Context context;
    management::StatusResponse status;
    REQUIRE(client.control->GetHunterStatus(&context, {}, &status).ok());
    return status.processor_stats();
  };
  PacketCall call(client);
  REQUIRE(call.send(batch(1, 5)));
  data::PacketBatch odd = batch(2, 3);
  for (auto& packet : *odd.mutable_packets()) packet.set_link_type(70'000);
  REQUIRE(call.send(odd));
  REQUIRE(call.send(batch(2, 3)));
  REQUIRE(call.wait_for_ack(2));
  {
    const management::ProcessorStats stats = stats_of();
    CHECK(stats.total_packets_received() == 8);
    CHECK(stats.packets_stored() == 5);
    CHECK(stats.packets_live_only() == 0);
    CHECK(stats.packets_in_flight() == 0);
    CHECK(stats.packets_duplicate() == 3);
    REQUIRE(stats.dropped_by_reason().size() == 1);
    CHECK(stats.dropped_by_reason().at("malformed") == 3);
  }

  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  rlimit small = before;
  small.rlim_cur = 10;
  const auto old_action = std::signal(SIGXFSZ, SIG_IGN);
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  bool sent = call.send(batch(3, 2));
  management::ProcessorStats stats;
  do stats = stats_of();
  while (stats.status() != management::PROCESSOR_ERROR && sent);
  ::setrlimit(RLIMIT_FSIZE, &before);
  REQUIRE(sent);
  CHECK_THAT(stats.status_reason(), Catch::Contains(dir.file("x.pcap")));
  CHECK(stats.packets_in_flight() == 2);
  REQUIRE(call.wait_for_ack(3));
  std::signal(SIGXFSZ, old_action);
  CHECK(stats_of().packets_stored() == 7);
  CHECK(stats_of().status_reason().empty());
}

TEST_CASE("A processor that stops under open streams is soon gone, and has acknowledged exactly what it stored",
          "[processor_node]") {
  constexpr int kPackets = 100;
  const TempDir directory;
  const std::string file = directory.file("all.pcap");
  auto node = serve(settings(file));
  Client client(node->address());
  REQUIRE(client.register_hunter().ok());
  auto console = subscribe_packets(client);
  Context beat_context;
  const auto beats = client.control->Heartbeat(&beat_context);
  management::HunterHeartbeat beat;
  beat.set_hunter_id("h1");
  REQUIRE(beats->Write(beat));
  management::ProcessorHeartbeat answer;
  REQUIRE(beats->Read(&answer));

  PacketCall call(client);
  REQUIRE(call.send(batch(1, kPackets)));
  REQUIRE(call.wait_for_ack(1));
  auto sender = std::async(std::launch::async, [&] {
    std::uint64_t sequence = 2;
    while (call.send(batch(sequence, kPackets))) ++sequence;
    return sequence;
  });
  auto ended = std::async(std::launch::async, [&] { return call.end(); });
  REQUIRE(console.next());  // so packets are on their way
  const auto began = Clock::now();
  node.reset();
  CHECK(Clock::now() - began < 3s);
  CHECK(ended.get().error_code() == StatusCode::UNAVAILABLE);
  CHECK(sender.get() > 1);
  CHECK(call.last.ack_sequence() >= 1);
  check_complete(stored_numbers(file), 1, static_cast<std::uint32_t>(call.last.ack_sequence()) * kPackets);
  CHECK_FALSE(beats->Read(&answer));
  CHECK_FALSE(beats->Finish().ok());
}
