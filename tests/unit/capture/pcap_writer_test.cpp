#include "common/capture/pcap_writer.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "common/capture/capture_files.h"
#include "tests/unit/capture/capture_judges.h"

using namespace lc;
using namespace lc::capture;
using namespace lc::capture::test;

namespace {

constexpr std::uint32_t kUser0 = 147;  // tshark shows such packets as they are
constexpr std::array<std::uint32_t, 1> kFirst = {0};

std::unique_ptr<CaptureFile> new_file(const std::string& path) {
  Result<NewCaptureFile> created = create_capture_file(path);
  REQUIRE(created);
  REQUIRE_FALSE(created->set_aside);
  return std::move(created->file);
}

}  // namespace

TEST_CASE("A pcap file gives every packet back with its bytes, lengths and nanoseconds", "[pcap_writer]") {
  const TempDir dir;
  const std::string path = dir.file("all.pcap");
  std::vector<StoredPacket> packets = random_packets(400, 1600);
  packets[200].bytes.assign(packet::kMaxPacketBytes, 'x');
  packets[200].original = packet::kMaxPacketBytes;
  packets[201].bytes.assign(packet::kMaxPacketBytes, 'y');
  packets[201].original = 1'000'000;
  packets[202].timestamp_ns = 1;
  packets[203].timestamp_ns = 999'999'999'999'999'999;    // 2001-09-09
  packets[204].timestamp_ns = 4'102'444'800'000'000'001;  // 2100-01-01

  const auto file = new_file(path);
  REQUIRE(*file->add_interface({"hunter", "eth0", kUser0, ""}) == 0);
  SECTION("one by one") {
    for (const StoredPacket& packet : packets) REQUIRE(file->write(packet.view(), 0));
  }
  SECTION("in batches") {
    for (std::size_t begin = 0; begin < packets.size(); begin += 50) {
      std::vector<StoredPacket> some(packets.begin() + static_cast<long>(begin),
                                     packets.begin() + static_cast<long>(begin + 50));
      REQUIRE(file->write(batch_of(some, {kUser0}), kFirst));
    }
  }
  REQUIRE(file->close());
  CHECK(file->packets() == packets.size());
  CHECK(file->size_bytes() == std::filesystem::file_size(path));

  CHECK(tshark_packets(path) == packets);
  CHECK(capinfos_counts({path}) == std::vector<std::uint64_t>{packets.size()});
  const Outcome tcpdump = run("tcpdump --count -r - <" + path + " 2>/dev/null");
  CHECK(tcpdump.text == "400 packets\n");
  CHECK(run("capinfos -t " + path).text.find("nanosecond pcap") != std::string::npos);
}

TEST_CASE("A pcap file says its link type as libpcap knows it", "[pcap_writer]") {
  const TempDir dir;
  const std::vector<std::pair<std::uint32_t, std::string>> types = {{packet::kNull, "NULL "},
                                                                    {packet::kEthernet, "EN10MB "},
                                                                    {packet::kRawDlt, "RAW "},
                                                                    {14, "RAW "},
                                                                    {packet::kRaw, "RAW "},
                                                                    {105, "IEEE802_11 "},
                                                                    {packet::kLoop, "LOOP "},
                                                                    {packet::kLinuxSll, "LINUX_SLL "},
                                                                    {127, "IEEE802_11_RADIO "},
                                                                    {kUser0, "147, "},
                                                                    {packet::kIpv4, "IPV4 "},
                                                                    {packet::kIpv6, "IPV6 "},
                                                                    {packet::kLinuxSll2, "LINUX_SLL2 "}};
  for (const auto& [number, name] : types) {
    const std::string path = dir.file("type-" + std::to_string(number) + ".pcap");
    const auto file = new_file(path);
    REQUIRE(file->add_interface({"hunter", "eth0", number, ""}));
    REQUIRE(file->close());
    CHECK_THAT(run("tcpdump -r - 2>&1 <" + path).text, Catch::Contains("link-type " + name));
    CHECK(capinfos_counts({path}) == std::vector<std::uint64_t>{0});
  }
}

TEST_CASE("A pcap file refuses a second link type by name and goes on with its own", "[pcap_writer]") {
  const TempDir dir;
  const std::string path = dir.file("one.pcap");
  const auto file = new_file(path);
  REQUIRE(file->add_interface({"site-a", "eth0", packet::kEthernet, ""}));
  REQUIRE(file->add_interface({"site-b", "eth0", packet::kEthernet, ""}));
  const auto refused = file->add_interface({"site-c", "tun0", packet::kRawDlt, ""});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::kFailedPrecondition);
  CHECK_THAT(refused.error().text, Catch::Contains("EN10MB (1)") && Catch::Contains("RAW (101)") &&
                                       Catch::Contains("\"tun0\" of \"site-c\"") && Catch::Contains(".pcapng"));
  CHECK(file->add_interface({"site-d", "x", 65'536, ""}).error().code == Code::kInvalidArgument);

  // A batch of both: what the file cannot take is passed over.
  std::vector<StoredPacket> packets = random_packets(20, 100, 2);
  for (StoredPacket& packet : packets) packet.bytes += std::string(60, '\0');
  for (StoredPacket& packet : packets) packet.original = static_cast<std::uint32_t>(packet.bytes.size());
  const packet::Batch batch = batch_of(packets, {packet::kEthernet, packet::kRaw});
  std::vector<std::uint32_t> ids;
  for (const packet::BatchInterface& interface : batch.interfaces()) {
    ids.push_back(interface.link_type == packet::kEthernet ? 0 : CaptureFile::kLeaveOut);
  }
  REQUIRE(file->write(batch, ids));
  REQUIRE(file->write(packets[0].view(), CaptureFile::kLeaveOut));
  REQUIRE(file->close());
  std::erase_if(packets, [](const StoredPacket& packet) { return packet.interface != 0; });
  CHECK(tshark_packets(path) == packets);
  CHECK(file->packets() == packets.size());
}

TEST_CASE("Times that pcap cannot hold become the nearest ones it can", "[pcap_writer]") {
  const TempDir dir;
  const std::string path = dir.file("times.pcap");
  const auto file = new_file(path);
  REQUIRE(file->add_interface({"hunter", "eth0", kUser0, ""}));
  const std::string bytes = "data";
  const std::vector<std::int64_t> times = {-1, INT64_MIN, 4'294'967'295'999'999'999, 4'294'967'296'000'000'000,
                                           INT64_MAX};
  for (const std::int64_t time : times) REQUIRE(file->write(StoredPacket{bytes, 4, time, 0}.view(), 0));
  REQUIRE(file->close());
  std::vector<std::int64_t> read;
  for (const StoredPacket& packet : tshark_packets(path)) read.push_back(packet.timestamp_ns);
  constexpr std::int64_t kLast = 4'294'967'295'999'999'999;
  CHECK(read == std::vector<std::int64_t>{0, 0, kLast, kLast, kLast});
}

TEST_CASE("A pcap file without any packet is a capture that readers take", "[pcap_writer]") {
  const TempDir dir;
  const std::string path = dir.file("none.pcap");
  REQUIRE(new_file(path)->close());
  CHECK(tshark_packets(path).empty());
  CHECK_THAT(run("tcpdump -r - 2>&1 <" + path).text, Catch::Contains("link-type EN10MB "));
}
