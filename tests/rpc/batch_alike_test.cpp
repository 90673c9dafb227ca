// Batch::parse() reads what packets say of where they come from once, and then compares: every packet must be read as
// if it stood alone. The judge is the generated class.
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "common/packet/batch.h"
#include "lippycat/data.pb.h"
#include "tests/rpc/batch_judge.h"

namespace {

using lippycat::data::CapturedPacket;
using lippycat::data::PacketBatch;

/// What may stand behind a packet's bytes, time and lengths.
std::vector<std::string> tails() {
  CapturedPacket from_eth0;
  from_eth0.set_interface_index(1);
  from_eth0.set_link_type(1);
  from_eth0.set_interface_name("eth0");
  std::vector<std::string> found = {"", from_eth0.SerializeAsString()};
  const auto add = [&](auto&& change, bool alone) {
    CapturedPacket packet = alone ? CapturedPacket() : from_eth0;
    change(packet);
    found.push_back(packet.SerializeAsString());
    // The same behind the interface: the last word counts.
    if (alone) found.push_back(from_eth0.SerializeAsString() + packet.SerializeAsString());
  };
  add([](CapturedPacket& packet) { packet.set_interface_name("eth1"); }, false);
  add([](CapturedPacket& packet) { packet.set_link_type(113); }, false);
  add([](CapturedPacket& packet) { packet.add_matched_filter_ids("a"); }, false);
  add([](CapturedPacket& packet) { packet.add_matched_filter_ids("b"), packet.add_matched_filter_ids("a"); }, false);
  add([](CapturedPacket& packet) { packet.mutable_metadata()->set_protocol("SIP"); }, false);
  add([](CapturedPacket& packet) { packet.mutable_metadata()->set_protocol("SIP"); }, true);
  add([](CapturedPacket& packet) { packet.set_data("other bytes"); }, true);
  add([](CapturedPacket& packet) { packet.set_timestamp_ns(7); }, true);
  add([](CapturedPacket& packet) { packet.set_capture_length(3); }, true);
  add([](CapturedPacket& packet) { packet.set_original_length(9'000); }, true);
  CapturedPacket matched;
  matched.add_matched_filter_ids("a");
  const std::string id = matched.SerializeAsString();
  CapturedPacket from_eth2;
  from_eth2.set_interface_name("eth2");
  from_eth2.set_link_type(101);
  for (const std::string& between : {from_eth0.SerializeAsString(), from_eth2.SerializeAsString(), found.back()}) {
    found.push_back(id + between + id);
  }
  found.push_back(from_eth2.SerializeAsString() + from_eth0.SerializeAsString());
  found.push_back(found[1] + "\xa0\x06\x05");  // field 100, which nobody knows
  found.push_back(found[1] + "\x42\x01\xff");  // an interface's name that is not UTF-8
  found.push_back(found[1] + "\x42");          // cut
  return found;
}

std::string front(std::mt19937& random) {
  CapturedPacket packet;
  packet.set_data(std::string(random() % 200, static_cast<char>(random())));
  packet.set_timestamp_ns(random() % 8 == 0 ? 0 : static_cast<std::int64_t>(random() << 20));
  packet.set_capture_length(static_cast<std::uint32_t>(packet.data().size()));
  packet.set_original_length(random() % 8 == 0 ? 1 : 200);
  return packet.SerializeAsString();
}

void append(std::string& batch, const std::string& packet) {
  batch += '\x22';
  std::size_t size = packet.size();
  for (; size >= 0x80; size >>= 7) batch += static_cast<char>(size | 0x80);
  batch += static_cast<char>(size);
  batch += packet;
}

void require_matches(const std::string& bytes) {
  const std::shared_ptr<std::uint8_t> copy(new std::uint8_t[bytes.size()], std::default_delete<std::uint8_t[]>());
  std::copy(bytes.begin(), bytes.end(), copy.get());
  const auto ours = lc::packet::Batch::parse({copy, copy.get(), bytes.size()});
  REQUIRE(ours);
  PacketBatch theirs;
  REQUIRE(theirs.ParseFromString(bytes));
  for (int i = 0; i < theirs.packets_size(); ++i) {
    const auto number = static_cast<std::size_t>(i);
    std::vector<std::string> ids;
    ours->matched()[ours->packets()[number].matched].for_each([&](std::string_view id) { ids.emplace_back(id); });
    const auto& expected = theirs.packets(i).matched_filter_ids();
    REQUIRE(ids == std::vector<std::string>(expected.begin(), expected.end()));
    REQUIRE(ours->metadata_of(number).empty() != theirs.packets(i).has_metadata());
  }
}

}  // namespace

TEST_CASE("Packets that say alike where they come from are each read as if they stood alone", "[batch][codec]") {
  lc::judge::silence_protobuf();
  const std::vector<std::string> kinds = tails();
  std::mt19937 random(31);
  int taken = 0;
  int refused = 0;
  for (int round = 0; round < 4'000; ++round) {
    std::string batch;
    std::size_t kind = random() % kinds.size();
    for (auto packets = 1 + random() % 12; packets > 0; --packets) {
      if (random() % 3 == 0) kind = random() % kinds.size();
      append(batch, front(random) + kinds[kind]);
    }
    bool accepted = false;
    const std::string why =
        lc::judge::disagreement({reinterpret_cast<const std::uint8_t*>(batch.data()), batch.size()}, accepted);
    INFO("round " << round);
    REQUIRE(why.empty());
    if (accepted) require_matches(batch);
    ++(accepted ? taken : refused);
  }
  CHECK(taken > 1'000);
  CHECK(refused > 100);
}
