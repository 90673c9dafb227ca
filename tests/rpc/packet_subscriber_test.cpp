// Consoles that see packets live, against clients of generated classes alone.
#include "processord/service/packet_subscriber.h"

#include <catch2/catch.hpp>
#include <string>

#include "tests/rpc/packet_calls.h"
#include "tests/rpc/subscriber.h"
#include "tests/support/sip_packets.h"

using namespace lc;
using namespace lc::test;
namespace data = lippycat::data;
using grpc::StatusCode;

namespace {

data::SubscribeRequest subscription(const std::string& expression) {
  data::SubscribeRequest request;
  request.set_bpf_filter(expression);
  return request;
}

}  // namespace

TEST_CASE("A subscriber gets the hunters it chose: all of them, those it names, or none", "[packet_subscriber]") {
  auto node = serve(settings());
  Client console(node->address());
  data::SubscribeRequest unfiltered;
  unfiltered.add_hunter_ids("h2");  // means nothing without has_hunter_filter
  data::SubscribeRequest named = unfiltered;
  named.set_has_hunter_filter(true);
  data::SubscribeRequest none;
  none.set_has_hunter_filter(true);
  auto to_all = subscribe_packets(console, unfiltered);
  auto to_h2 = subscribe_packets(console, named);
  auto to_none = subscribe_packets(console, none);

  for (const std::string id : {"h1", "h2"}) {
    Client hunter(node->address());
    REQUIRE(hunter.register_hunter(id).ok());
    PacketCall call(hunter);
    REQUIRE(call.send(batch(1, 2, 60, id)));
    call.half_close();
    REQUIRE(call.end().ok());
  }
  for (const std::string id : {"h1", "h2"}) {
    const auto got = to_all.next();
    REQUIRE(got);
    CHECK(got->hunter_id() == id);
    CHECK(got->sequence() == 1);
    CHECK(got->epoch() == kEpoch);
    REQUIRE(got->packets_size() == 2);
    const data::PacketBatch sent = batch(1, 2, 60, id);
    for (int i = 0; i < 2; ++i) {
      data::CapturedPacket packet = got->packets(i);
      CHECK(packet.metadata().protocol() == "Ethernet");  // their bytes are no known protocol's
      packet.clear_metadata();
      CHECK(packet.SerializeAsString() == sent.packets(i).SerializeAsString());
    }
  }
  const auto got = to_h2.next();
  REQUIRE(got);
  CHECK(got->hunter_id() == "h2");
  node.reset();  // whatever would come has come when the call is over
  CHECK_FALSE(to_h2.next());
  CHECK_FALSE(to_none.next());
}

TEST_CASE("A subscriber gets what a hunter says of a packet, and what the processor finds where no hunter said it",
          "[packet_subscriber]") {
  const auto node = serve(settings());
  Client console(node->address());
  auto subscriber = subscribe_packets(console);
  Client hunter(node->address());
  REQUIRE(hunter.register_hunter().ok());
  const std::string invite =
      "INVITE sip:bob@b.example SIP/2.0\r\nCall-ID: c1\r\nFrom: <sip:alice@a.example>;tag=t\r\n\r\n";
  const auto frame = test::udp_frame({"192.0.2.1", 5060}, {"192.0.2.2", 5070}, test::bytes_of(invite));
  data::PacketBatch sent = batch(1, 3);
  for (data::CapturedPacket& packet : *sent.mutable_packets()) {
    packet.set_data(frame.data(), frame.size());
    packet.clear_capture_length();
  }
  data::PacketMetadata& said = *sent.mutable_packets(1)->mutable_metadata();
  said.set_protocol("MGCP");
  said.mutable_sip()->set_call_id("the hunter's");
  (*said.mutable_details())["key"] = "value";
  PacketCall call(hunter);
  REQUIRE(call.send(sent));
  const auto got = subscriber.next();
  REQUIRE(got);
  REQUIRE(got->packets_size() == 3);
  CHECK(got->packets(1).metadata().SerializeAsString() == said.SerializeAsString());
  for (const int i : {0, 2}) {
    const data::PacketMetadata& found = got->packets(i).metadata();
    CHECK(found.protocol() == "SIP");
    CHECK(found.transport() == "UDP");
    CHECK(found.src_ip() == "192.0.2.1");
    CHECK(found.dst_ip() == "192.0.2.2");
    CHECK(found.src_port() == 5060);
    CHECK(found.dst_port() == 5070);
    CHECK(found.sip().method() == "INVITE");
    CHECK(found.sip().call_id() == "c1");
    CHECK(found.sip().from_user() == "alice");
    CHECK(found.info() == "Request: INVITE sip:bob@b.example");
    CHECK_FALSE(found.has_rtp());
    CHECK_FALSE(found.has_dns());
  }
}

TEST_CASE("A subscriber's expression chooses packets, a bad one is refused, and so is one subscriber too many",
          "[packet_subscriber]") {
  processor::EngineSettings engine = settings();
  engine.max_subscribers = 1;
  const auto node = serve(engine);
  Client console(node->address());
  {
    auto bad = subscribe_packets(console, subscription("udp prot 53"));
    CHECK_FALSE(bad.next());
    const grpc::Status status = bad.end();
    CHECK(status.error_code() == StatusCode::INVALID_ARGUMENT);
    CHECK_THAT(status.error_message(), Catch::Contains("syntax error"));  // libpcap's words
  }
  auto large = subscribe_packets(console, subscription("greater 100"));
  {
    auto second = subscribe_packets(console);
    CHECK_FALSE(second.next());
    CHECK(second.end().error_code() == StatusCode::RESOURCE_EXHAUSTED);
  }
  Client hunter(node->address());
  REQUIRE(hunter.register_hunter().ok());
  PacketCall call(hunter);
  data::PacketBatch mixed = batch(1, 2, 60);
  mixed.MergeFrom(batch(1, 3, 120));
  REQUIRE(call.send(batch(1, 2, 60)));
  mixed.set_sequence(2);
  REQUIRE(call.send(mixed));
  REQUIRE(call.wait_for_ack(2));
  const auto got = large.next();
  REQUIRE(got);
  CHECK(got->sequence() == 2);
  REQUIRE(got->packets_size() == 3);
  for (const auto& packet : got->packets()) CHECK(packet.capture_length() == 120);
}

TEST_CASE("A subscriber that never reads holds nobody up, and is told later how many packets it lost",
          "[packet_subscriber]") {
  constexpr std::uint64_t kBatches = 80;  // of half a MiB: more than all queues and windows on the way hold
  constexpr int kPackets = 8;
  const auto node = serve(settings());
  Client console(node->address());
  auto slow = subscribe_packets(console);
  Client hunter(node->address());
  REQUIRE(hunter.register_hunter().ok());
  PacketCall call(hunter);
  for (std::uint64_t sequence = 1; sequence <= kBatches; ++sequence) {
    REQUIRE(call.send(batch(sequence, kPackets, 65'536)));
  }
  REQUIRE(call.wait_for_ack(kBatches));

  std::uint64_t received = 0;
  std::uint64_t dropped = 0;
  std::uint64_t sequence = 0;
  while (sequence < kBatches) {
    const auto got = slow.next();
    REQUIRE(got);
    CHECK(got->sequence() > sequence);
    sequence = got->sequence();
    received += static_cast<std::uint64_t>(got->packets_size());
    CHECK(got->stats().dropped() >= dropped);
    dropped = got->stats().dropped();
  }
  CHECK(dropped > 0);
  CHECK(received + dropped == kBatches * kPackets);
}
