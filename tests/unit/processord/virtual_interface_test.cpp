#include "processord/engine/virtual_interface.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "common/packet/batch_builder.h"
#include "processord/engine/virtual_device.h"
#include "tests/support/numbered_packets.h"
#include "tests/unit/capture/capture_judges.h"

using namespace lc;
using namespace lc::processor;
using lc::capture::test::lines_of;
using lc::capture::test::TempDir;

namespace {

using Bytes = std::vector<std::uint8_t>;

struct Captured {
  std::uint32_t link_type = 0;
  Bytes bytes;
  std::uint32_t original = 0;  // 0: nothing was cut
};

/// Takes a packet with each write, as a device does, and blocks when nobody reads (unix(7), SOCK_SEQPACKET).
struct FakeDevice {
  FakeDevice() {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends.data()) == 0);
    inside = UniqueFd(ends[0]);
    outside = UniqueFd(ends[1]);
    const int room = 1 << 20;
    REQUIRE(::setsockopt(inside.get(), SOL_SOCKET, SO_SNDBUF, &room, sizeof room) == 0);
  }
  /// The next packet; empty when the device is closed.
  [[nodiscard]] Bytes next() const {
    Bytes bytes(packet::kMaxPacketBytes);
    const ssize_t size = ::recv(outside.get(), bytes.data(), bytes.size(), 0);
    REQUIRE(size >= 0);
    bytes.resize(static_cast<std::size_t>(size));
    return bytes;
  }

  UniqueFd inside;
  UniqueFd outside;
};

std::shared_ptr<const packet::Batch> batch_of(const std::vector<Captured>& packets) {
  packet::SlabPool pool(0);
  packet::BatchBuilder builder(pool, "eth0", 0);
  for (const Captured& one : packets) {
    packet::PacketView view = test::view_of(one.bytes, 1);
    if (one.original != 0) view.original = one.original;
    REQUIRE(builder.append(view, one.link_type));
  }
  packet::BatchHeader header;
  header.hunter_id = "h1";
  header.sequence = 1;
  Result<packet::Batch> batch = packet::Batch::parse(builder.seal(header).bytes);
  REQUIRE(batch);
  return std::make_shared<const packet::Batch>(std::move(*batch));
}

struct Outcome {
  std::vector<Bytes> frames;
  VirtualInterface::Counts counts;

  [[nodiscard]] std::uint64_t lost(NotInjected reason) const {
    return counts.not_injected[static_cast<std::size_t>(reason)];
  }
};

Outcome inject(VirtualInterfaceType type, const std::vector<Captured>& packets) {
  FakeDevice device;
  Outcome outcome;
  {
    VirtualInterface interface(std::move(device.inside), type);
    interface.push(batch_of(packets));
    interface.start();
    interface.stop();
    outcome.counts = interface.counts();
  }
  for (Bytes frame; !(frame = device.next()).empty();) outcome.frames.push_back(std::move(frame));
  return outcome;
}

Bytes operator+(Bytes front, const Bytes& back) {
  front.insert(front.end(), back.begin(), back.end());
  return front;
}

// UDP from 192.0.2.1:5060 to 192.0.2.2:5062 with the payload "hello".
const Bytes kIpv4 = {0x45, 0, 0, 33,   0x12, 0x34, 0,    0, 64, 17, 0xe4, 0x94, 192, 0,   2,   1,  192,
                     0,    2, 2, 0x13, 0xc4, 0x13, 0xc6, 0, 13, 0,  0,    'h',  'e', 'l', 'l', 'o'};
const Bytes kIpv6 = Bytes{0x60, 0, 0, 0, 0, 13, 17, 64} +
                    Bytes{0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1} +
                    Bytes{0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2} +
                    Bytes{0x13, 0xc4, 0x13, 0xc6, 0, 13, 0, 0, 'h', 'e', 'l', 'l', 'o'};
const Bytes kArp = {0, 1, 8, 0, 6, 4, 0, 1, 2, 4, 4, 4, 4, 4, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 192, 0, 2, 2};
const Bytes kAddresses = {2, 3, 3, 3, 3, 3, 2, 4, 4, 4, 4, 4};
const Bytes kPadding(7, 0xaa);
const Bytes kTag30 = {0x81, 0, 0, 30};

Bytes cooked(const Bytes& type_and_rest) {
  return Bytes{0, 0, 0, 1, 0, 6, 2, 4, 4, 4, 4, 4, 0, 0} + type_and_rest;
}
Bytes cooked2(const Bytes& type, const Bytes& rest) {
  return type + Bytes{0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 4, 4, 4, 4, 4, 0, 0} + rest;
}

/// What tshark reads of a file of these frames, a line for each.
std::vector<std::string> fields(const std::vector<Bytes>& frames, std::uint32_t link_type, const std::string& wanted) {
  const TempDir folder;
  const std::string path = folder.file("frames.pcap");
  {
    std::ofstream file(path, std::ios::binary);
    const auto put = [&](std::uint32_t number) { file.write(reinterpret_cast<const char*>(&number), sizeof number); };
    for (const std::uint32_t number : {0xa1b2c3d4U, 0x00040002U, 0U, 0U, packet::kMaxPacketBytes, link_type})
      put(number);
    for (const Bytes& frame : frames) {
      const auto size = static_cast<std::uint32_t>(frame.size());
      for (const std::uint32_t number : {1U, 0U, size, size}) put(number);
      file.write(reinterpret_cast<const char*>(frame.data()), static_cast<std::streamsize>(frame.size()));
    }
  }
  const auto told = capture::test::run("tshark -n -r " + path + " -T fields " + wanted + " 2>/dev/null");
  REQUIRE(told.status == 0);
  return lines_of(told.text);
}

/// What makes an IP packet, and that nothing is wrong with it.
const std::string kIpFields =
    "-o ip.check_checksum:TRUE -e ip.src -e ip.dst -e ip.len -e ip.id -e ip.checksum.status -e ipv6.src -e ipv6.dst "
    "-e ipv6.plen -e udp.srcport -e udp.dstport -e udp.payload -e _ws.malformed";

struct Carrier {
  std::string name;
  Captured packet;
};

/// The two packets on every link type and in what may be between.
std::vector<Carrier> carriers() {
  return {
      {"Ethernet", {packet::kEthernet, kAddresses + Bytes{8, 0} + kIpv4 + kPadding}},
      {"Ethernet, IPv6", {packet::kEthernet, kAddresses + Bytes{0x86, 0xdd} + kIpv6 + kPadding}},
      {"802.1Q", {packet::kEthernet, kAddresses + kTag30 + Bytes{8, 0} + kIpv4}},
      {"802.1ad", {packet::kEthernet, kAddresses + Bytes{0x88, 0xa8, 0, 200} + kTag30 + Bytes{0x86, 0xdd} + kIpv6}},
      {"PPPoE", {packet::kEthernet, kAddresses + Bytes{0x88, 0x64, 0x11, 0, 0, 1, 0, 35, 0, 0x21} + kIpv4}},
      {"raw IPv4", {packet::kRaw, kIpv4}},
      {"raw IPv6", {packet::kRaw, kIpv6}},
      {"IPv4", {packet::kIpv4, kIpv4}},
      {"IPv6", {packet::kIpv6, kIpv6}},
      {"loopback, little-endian", {packet::kNull, Bytes{2, 0, 0, 0} + kIpv4}},
      {"loopback, network order", {packet::kLoop, Bytes{0, 0, 0, 30} + kIpv6}},
      {"cooked", {packet::kLinuxSll, cooked(Bytes{8, 0} + kIpv4)}},
      {"cooked, 802.1Q", {packet::kLinuxSll, cooked(kTag30 + Bytes{8, 0} + kIpv4)}},
      {"cooked v2", {packet::kLinuxSll2, cooked2({0x86, 0xdd}, kIpv6)}},
      {"cooked v2, 802.1Q", {packet::kLinuxSll2, cooked2({0x81, 0}, Bytes{0, 30, 8, 0} + kIpv4)}},
  };
}

}  // namespace

TEST_CASE("A TUN device gets the IP packet of every link type, and nothing around it", "[virtual_interface]") {
  for (const auto& [name, packet] : carriers()) {
    INFO(name);
    const Outcome outcome = inject(VirtualInterfaceType::kTun, {packet});
    REQUIRE(outcome.frames.size() == 1);
    const auto seen = fields(outcome.frames, packet::kRaw, kIpFields);
    CHECK(seen == fields({packet.bytes}, packet.link_type, kIpFields));
    CHECK(seen[0].find("68656c6c6f") != std::string::npos);
    CHECK((outcome.frames[0] == kIpv4 || outcome.frames[0] == kIpv6));
  }
}

TEST_CASE("A TAP device gets Ethernet frames as they are, and a header for other link types", "[virtual_interface]") {
  const std::string with_link = kIpFields + " -e vlan.id";
  for (const auto& [name, packet] : carriers()) {
    INFO(name);
    const Outcome outcome = inject(VirtualInterfaceType::kTap, {packet});
    REQUIRE(outcome.frames.size() == 1);
    CHECK(fields(outcome.frames, packet::kEthernet, with_link) == fields({packet.bytes}, packet.link_type, with_link));
    if (packet.link_type == packet::kEthernet) CHECK(outcome.frames[0] == packet.bytes);
  }
}

TEST_CASE("ARP goes into a TAP device whatever link it was on, and into no TUN device", "[virtual_interface]") {
  const std::vector<Captured> packets = {{packet::kEthernet, kAddresses + Bytes{8, 6} + kArp},
                                         {packet::kLinuxSll, cooked(Bytes{8, 6} + kArp)},
                                         {packet::kLinuxSll2, cooked2({8, 6}, kArp)}};
  const Outcome tap = inject(VirtualInterfaceType::kTap, packets);
  const std::string line = "192.0.2.1\t192.0.2.2\t1";
  CHECK(fields(tap.frames, packet::kEthernet, "-e arp.src.proto_ipv4 -e arp.dst.proto_ipv4 -e arp.opcode") ==
        std::vector(3, line));
  const Outcome tun = inject(VirtualInterfaceType::kTun, packets);
  CHECK(tun.frames.empty());
  CHECK(tun.lost(NotInjected::kNotIp) == 3);
}

TEST_CASE("What can't be injected is counted by its reason, and what follows it is injected", "[virtual_interface]") {
  const Captured good{packet::kRaw, kIpv4};
  const Captured cut{packet::kRaw, kIpv4, 1500};
  const Captured stub{packet::kEthernet, Bytes(13, 0)};
  const Captured unknown{147, kIpv4};                                           // LINKTYPE_USER0
  const Captured netlink{packet::kLinuxSll, cooked(Bytes{0, 16} + Bytes(40))};  // its type is no EtherType
  const Captured nothing{packet::kRaw, {}};
  Bytes jumbo = kAddresses + Bytes{8, 0} + kIpv4;
  jumbo.resize(65'536);
  const Captured too_long{packet::kEthernet, jumbo};
  jumbo.resize(65'535);
  const Captured longest{packet::kEthernet, jumbo};

  const Outcome tap =
      inject(VirtualInterfaceType::kTap, {cut, stub, unknown, netlink, nothing, too_long, longest, good});
  CHECK(tap.frames.size() == 2);
  CHECK(tap.counts.injected == 2);
  CHECK(tap.lost(NotInjected::kTruncated) == 2);
  CHECK(tap.lost(NotInjected::kNotIp) == 3);
  CHECK(tap.lost(NotInjected::kTooLong) == 1);

  const Outcome tun = inject(VirtualInterfaceType::kTun, {cut, stub, unknown, netlink, nothing, too_long, good});
  CHECK(tun.frames == std::vector{kIpv4, kIpv4});  // the packet in the long frame is short
  CHECK(tun.lost(NotInjected::kTruncated) == 1);
  CHECK(tun.lost(NotInjected::kNotIp) == 4);
}

TEST_CASE("A device that takes nothing any more is a count, not an end", "[virtual_interface]") {
  // Nothing can be written to a pipe's end for reading.
  std::array<int, 2> pipe{};
  REQUIRE(::pipe(pipe.data()) == 0);
  const UniqueFd write_end(pipe[1]);
  VirtualInterface interface { UniqueFd(pipe[0]), VirtualInterfaceType::kTun };
  interface.start();
  interface.push(batch_of({{packet::kRaw, kIpv4}, {packet::kRaw, kIpv6}}));
  interface.stop();
  CHECK(interface.counts().injected == 0);
  CHECK(interface.counts().not_injected[static_cast<std::size_t>(NotInjected::kRefused)] == 2);
}

TEST_CASE("A device that stands still makes nobody wait: the oldest batches go and are counted",
          "[virtual_interface][stress]") {
  FakeDevice device;
  VirtualInterface interface(std::move(device.inside), VirtualInterfaceType::kTap);
  interface.start();
  // More than the queue's 32 MiB; were push() to wait, this would never end, as nobody reads.
  constexpr std::uint32_t kBatches = 100;
  constexpr std::uint32_t kPackets = 10;
  for (std::uint32_t i = 0; i < kBatches; ++i) {
    interface.push(std::make_shared<const packet::Batch>(test::make_batch(
        {.first_number = i * kPackets, .packets = kPackets, .size = 60'000, .link_type = packet::kEthernet})));
  }
  const auto lost = [&] { return interface.counts().not_injected[static_cast<std::size_t>(NotInjected::kQueue)]; };
  CHECK(lost() > 0);
  CHECK(lost() % kPackets == 0);

  // Then somebody reads: everything else is there, in order, to the newest.
  std::vector<std::uint32_t> numbers;
  do {
    numbers.push_back(test::numbered_of(device.next().data()).second);
  } while (numbers.back() != kBatches * kPackets - 1);
  CHECK(std::is_sorted(numbers.begin(), numbers.end()));
  CHECK(numbers.size() + lost() == kBatches * kPackets);
  interface.stop();
  CHECK(interface.counts().injected == numbers.size());

  interface.push(batch_of({{packet::kRaw, kIpv4}}));
  CHECK(numbers.size() + lost() == kBatches * kPackets + 1);
}

TEST_CASE("An interface's name is one that Linux takes and that means no other thing", "[virtual_interface]") {
  for (const char* name : {"lc0", "a", "vif-1.2_3", "fifteen-letters"}) CHECK(check_interface_name(name));
  for (const char* name : {"", "sixteen-letters!", "sixteen-letters1", "a b", "a/b", "lc%d", "eth0:1", ".", "..",
                           "\xc3\xa4", "all", "default"}) {
    INFO(name);
    CHECK_FALSE(check_interface_name(name));
  }
}
