#include "common/capture/pcapng_writer.h"

#include <algorithm>
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

std::unique_ptr<CaptureFile> new_file(const std::string& path) {
  Result<NewCaptureFile> created = create_capture_file(path);
  REQUIRE(created);
  return std::move(created->file);
}

std::size_t occurrences(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("A pcapng file gives every packet back with its bytes, lengths, nanoseconds and interface",
          "[pcapng_writer]") {
  const TempDir dir;
  const std::string path = dir.file("all.pcapng");
  std::vector<StoredPacket> packets = random_packets(400, 1600, 2);
  packets[200].bytes.assign(packet::kMaxPacketBytes, 'x');
  packets[200].original = packet::kMaxPacketBytes;
  packets[201].bytes.assign(packet::kMaxPacketBytes - 1, 'y');
  packets[201].original = 1'000'000;
  packets[202].timestamp_ns = 0;
  packets[203].timestamp_ns = 999'999'999'999'999'999;    // 2001-09-09
  packets[204].timestamp_ns = 4'294'967'296'000'000'001;  // 2106, past 32 bits of seconds
  packets[205].timestamp_ns = INT64_MAX;                  // 2262

  const auto file = new_file(path);
  REQUIRE(*file->add_interface({"hunter", "eth0", kUser0, ""}) == 0);
  REQUIRE(*file->add_interface({"hunter", "eth0", packet::kEthernet, ""}) == 1);
  SECTION("one by one") {
    for (const StoredPacket& packet : packets) REQUIRE(file->write(packet.view(), packet.interface));
  }
  SECTION("in batches") {
    for (std::size_t begin = 0; begin < packets.size(); begin += 50) {
      std::vector<StoredPacket> some(packets.begin() + static_cast<long>(begin),
                                     packets.begin() + static_cast<long>(begin + 50));
      const packet::Batch batch = batch_of(some, {kUser0, packet::kEthernet});
      std::vector<std::uint32_t> ids;
      for (const packet::BatchInterface& interface : batch.interfaces()) {
        ids.push_back(interface.link_type == kUser0 ? 0 : 1);
      }
      REQUIRE(file->write(batch, ids));
    }
  }
  REQUIRE(file->close());
  CHECK(file->packets() == packets.size());
  CHECK(file->size_bytes() == std::filesystem::file_size(path));
  CHECK(tshark_packets(path) == packets);
  CHECK(capinfos_counts({path}) == std::vector<std::uint64_t>{packets.size()});
}

TEST_CASE("libpcap reads a pcapng file of one link type", "[pcapng_writer]") {
  const TempDir dir;
  const std::string path = dir.file("one.pcapng");
  const auto file = new_file(path);
  REQUIRE(file->add_interface({"a", "eth0", packet::kEthernet, ""}));
  const std::vector<StoredPacket> packets = random_packets(100, 1600, 2);
  for (std::size_t i = 0; i < packets.size(); ++i) {
    // The second interface comes when packets of the first are there already.
    if (i == 50) REQUIRE(*file->add_interface({"b", "eth0", packet::kEthernet, ""}) == 1);
    REQUIRE(file->write(packets[i].view(), i < 50 ? 0 : packets[i].interface));
  }
  REQUIRE(file->close());
  CHECK(run("tcpdump --count -r - <" + path + " 2>/dev/null").text == "100 packets\n");
  const std::vector<std::string> times =
      lines_of(run("tcpdump -tt -q --nano -r - <" + path + " 2>/dev/null | grep -aoE '^[0-9]{10}\\.[0-9]{9}'").text);
  REQUIRE(times.size() == packets.size() - 1);  // tcpdump shows no time for the first, which has no bytes
  for (std::size_t i = 1; i < packets.size(); ++i) {
    std::string time = times[i - 1];
    time.erase(time.find('.'), 1);
    CHECK(std::stoll(time) == packets[i].timestamp_ns);
  }
}

TEST_CASE("A pcapng file describes each node's interfaces once, with filter and program", "[pcapng_writer]") {
  const TempDir dir;
  const std::string path = dir.file("many.pcapng");
  const auto file = new_file(path);
  constexpr std::uint32_t kInterfaces = 300;
  const std::vector<std::uint32_t> types = {packet::kNull,     packet::kEthernet,  packet::kRaw,
                                            packet::kLinuxSll, packet::kLinuxSll2, kUser0};
  for (std::uint32_t i = 0; i < kInterfaces; ++i) {
    const CaptureInterface interface {
      "site" + std::to_string(i / 3),
          "eth" + std::to_string(i % 3), types[i % types.size()], i % 2 == 0 ? "" : "udp port " + std::to_string(i)
    };
    REQUIRE(*file->add_interface(interface) == i);
    REQUIRE(*file->add_interface(interface) == i);
    REQUIRE(file->write(StoredPacket{std::string(i % 7, 'p'), i % 7, i, i}.view(), i));
  }
  CHECK(*file->add_interface({"site0", "eth2", packet::kRawDlt, ""}) == 2);  // raw IP under its other number
  CHECK(file->add_interface({"site0", "eth0", 65'536, ""}).error().code == Code::kInvalidArgument);
  REQUIRE(file->close());

  const Outcome fields = run("tshark 2>/dev/null -r " + path +
                             " -T fields -E separator=, -e frame.interface_id -e frame.interface_name"
                             " -e frame.interface_description -e frame.encap_type");
  REQUIRE(fields.status == 0);
  const std::vector<std::string> lines = lines_of(fields.text);
  REQUIRE(lines.size() == kInterfaces);
  const std::vector<std::string> encapsulations = {"15", "1", "7", "25", "210", "45"};  // as tshark numbers the types
  for (std::uint32_t i = 0; i < kInterfaces; ++i) {
    CHECK(lines[i] == std::to_string(i) + ",eth" + std::to_string(i % 3) + ",hunter site" + std::to_string(i / 3) +
                          "," + encapsulations[i % types.size()]);
  }
  const std::string infos = run("capinfos " + path).text;
  CHECK_THAT(infos, Catch::Contains("Capture application: lippycat ") && Catch::Contains("Capture oper-sys:    Linux"));
  CHECK_THAT(infos,
             Catch::Contains("Filter string = udp port 299\n") && Catch::Contains("Number of interfaces in file: 300"));
  CHECK(occurrences(infos, "Filter string = ") == kInterfaces / 2);
  CHECK(occurrences(infos, "Time precision = nanoseconds (9)") == kInterfaces);
  CHECK(occurrences(infos, "Capture length = 262144") == kInterfaces);
}

TEST_CASE("A closed pcapng file says what each interface received and dropped", "[pcapng_writer]") {
  const TempDir dir;
  const std::string path = dir.file("drops.pcapng");
  const auto file = new_file(path);
  for (const char* name : {"eth0", "eth1", "eth2"}) {
    REQUIRE(file->add_interface({"hunter", name, packet::kEthernet, ""}));
  }
  file->set_drops(2, 1, 1, 1);
  file->set_drops(2, 5'000'000'000, 77, 1'700'000'000'123'456'789);
  file->set_drops(0, 11, 0, 1'700'000'001'000'000'000);
  REQUIRE(file->close());
  const std::string blocks = run("tshark 2>/dev/null -r " + path + " -X 'read_format:MIME Files Format' -V").text;
  CHECK(occurrences(blocks, "Block: Interface Statistics Block") == 2);
  CHECK_THAT(blocks, Catch::Contains("Number of Received Packets: 5000000000") &&
                         Catch::Contains("Number of Dropped Packets: 77") &&
                         Catch::Contains("Number of Received Packets: 11") &&
                         Catch::Contains("Number of Dropped Packets: 0"));
  CHECK(occurrences(blocks, "Malformed") == 0);
  CHECK(capinfos_counts({path}) == std::vector<std::uint64_t>{0});
  CHECK(occurrences(run("capinfos " + path).text, "Number of stat entries = 1") == 2);
}

TEST_CASE("A pcapng file without packets or interfaces is a capture that readers take", "[pcapng_writer]") {
  const TempDir dir;
  const std::string path = dir.file("none.pcapng");
  REQUIRE(new_file(path)->close());
  CHECK(tshark_packets(path).empty());
}
