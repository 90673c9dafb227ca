// Fragments by hand (RFC 791 section 3.2, RFC 8200 section 4.5), some that no honest sender makes, then captures
// against tshark.
#include "common/packet/reassembly.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "common/packet/packet.h"
#include "tests/unit/packet/shared_packets.h"

namespace {

using lc::packet::Decoded;
using lc::packet::DecodeEnd;
using lc::packet::FrameId;
using lc::packet::Reassembler;
using lc::packet::test::Captured;
using Bytes = std::vector<std::uint8_t>;
using Frames = std::vector<FrameId>;

constexpr std::int64_t kSecond = 1'000'000'000;

Bytes hex(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c != ' ') digits += c;
  }
  const std::string bytes = lc::capture::test::unhex(digits);
  return {bytes.begin(), bytes.end()};
}
Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}
Bytes word(std::size_t value) {
  return {static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
}
Bytes letters(std::string_view text) {
  return {text.begin(), text.end()};
}

/// UDP from port 5060 to 5062 (RFC 768); 24 bytes with "abcdefghijklmnop".
Bytes udp(std::string_view text) {
  return hex("13c4 13c6") + word(8 + text.size()) + hex("0000") + letters(text);
}

/// `bytes` at `offset` of datagram `id`, from 10.0.0.1 to 192.0.2.255.
Bytes ipv4(std::size_t offset, bool more, const Bytes& bytes, std::uint16_t id = 7, std::string_view protocol = "11") {
  return hex("4500") + word(20 + bytes.size()) + word(id) + word((more ? 0x2000U : 0U) | offset / 8) + hex("40") +
         hex(protocol) + hex("0000 0a000001 c00002ff") + bytes;
}
Bytes ipv6(std::size_t offset, bool more, const Bytes& bytes, std::string_view next_header = "11") {
  return hex("60000000") + word(8 + bytes.size()) + hex("2c40") +
         hex("20010db8000000000000000000000001 20010db8000000000000000000000002") + hex(next_header) + hex("00") +
         word(offset | (more ? 1U : 0U)) + hex("00000009") + bytes;
}
Bytes part(const Bytes& bytes, std::size_t begin, std::size_t end) {
  return {bytes.begin() + static_cast<std::ptrdiff_t>(begin), bytes.begin() + static_cast<std::ptrdiff_t>(end)};
}

/// Frames are numbered from 1. `captured` is how much of the frame there is.
struct Wire {
  explicit Wire(Reassembler::Limits limits = {})
      : reassembler(limits, [this](const Reassembler::Datagram& datagram) {
          CHECK_FALSE(datagram.whole);
          given_up.emplace_back(datagram.frames.begin(), datagram.frames.end());
          prefixes.emplace_back(datagram.ip.payload.begin(), datagram.ip.payload.end());
          last_given_up = datagram.ip;
        }) {}

  const Reassembler::Datagram* send(const Bytes& packet, std::size_t captured = 1 << 20) {
    const Bytes frame(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(std::min(captured, packet.size())));
    const Decoded decoded = lc::packet::decode(lc::packet::kRaw, frame);
    REQUIRE(decoded.ip.is_fragment());
    return reassembler.add(decoded.ip, ++last_frame, now);
  }

  std::vector<Frames> given_up;
  std::vector<std::string> prefixes;
  lc::packet::IpPacket last_given_up;
  FrameId last_frame = 0;
  std::int64_t now = 0;
  Reassembler reassembler;
};

std::string text(const Reassembler::Datagram* datagram) {
  if (datagram == nullptr) return "nothing";
  CHECK(datagram->whole);
  CHECK(datagram->ip.source_port == 5060);
  CHECK(datagram->ip.destination_port == 5062);
  CHECK_FALSE(datagram->ip.is_fragment());
  return {datagram->ip.payload.begin(), datagram->ip.payload.end()};
}
Frames frames(const Reassembler::Datagram* datagram) {
  return {datagram->frames.begin(), datagram->frames.end()};
}

const Bytes kUdp = udp("abcdefghijklmnop");

}  // namespace

TEST_CASE("A datagram is whole with its last gap, in whatever order its fragments come", "[reassembly]") {
  std::vector<std::size_t> order = {0, 8, 16};
  for (int permutation = 0; permutation < 6; ++permutation) {
    for (const bool is_ipv6 : {false, true}) {
      Wire wire;
      const Reassembler::Datagram* whole = nullptr;
      for (const std::size_t at : order) {
        CHECK(whole == nullptr);
        const Bytes bytes = part(kUdp, at, at + 8);
        whole = wire.send(is_ipv6 ? ipv6(at, at < 16, bytes) : ipv4(at, at < 16, bytes));
      }
      REQUIRE(text(whole) == "abcdefghijklmnop");
      CHECK(frames(whole) == Frames{1, 2, 3});
      CHECK(whole->end == DecodeEnd::kComplete);
      CHECK(whole->ip.version == (is_ipv6 ? 6 : 4));
      CHECK(whole->ip.protocol == 17);
      CHECK(whole->ip.source.text() == (is_ipv6 ? "2001:db8::1" : "10.0.0.1"));
      CHECK(whole->ip.destination.text() == (is_ipv6 ? "2001:db8::2" : "192.0.2.255"));
    }
    std::next_permutation(order.begin(), order.end());
  }
}

TEST_CASE("TCP's header belongs to the datagram, with its options", "[reassembly]") {
  // RFC 9293 section 3.1: sequence 1, acknowledgement 2, 32 bytes of header, ACK; a timestamp option.
  const Bytes tcp =
      hex("13c4 13c6 00000001 00000002 8010 ffff 0000 0000  0101 080a 00000003 00000004") + letters("abcdefghijklmnop");
  Wire wire;
  CHECK(wire.send(ipv4(0, true, part(tcp, 0, 40), 7, "06")) == nullptr);
  const Reassembler::Datagram* const whole = wire.send(ipv4(40, false, part(tcp, 40, 48), 7, "06"));
  REQUIRE(text(whole) == "abcdefghijklmnop");
  CHECK(whole->ip.tcp.sequence == 1);
  CHECK(whole->ip.tcp.flags == 0x10);

  Wire split_header;
  CHECK(split_header.send(ipv4(0, true, part(tcp, 0, 16), 7, "06")) == nullptr);
  CHECK(text(split_header.send(ipv4(16, false, part(tcp, 16, 48), 7, "06"))) == "abcdefghijklmnop");
}

TEST_CASE("Extension headers behind the fragment header belong to the datagram", "[reassembly]") {
  const Bytes bytes = hex("1100 0104 00000000") + kUdp;  // RFC 8200 section 4.6: destination options, padding
  Wire wire;
  CHECK(wire.send(ipv6(24, false, part(bytes, 24, 32), "3c")) == nullptr);
  const Reassembler::Datagram* const whole = wire.send(ipv6(0, true, part(bytes, 0, 24), "3c"));
  REQUIRE(text(whole) == "abcdefghijklmnop");
  CHECK(whole->ip.protocol == 17);
}

TEST_CASE("A frame that was captured twice belongs to the datagram too", "[reassembly]") {
  Wire wire;
  wire.send(ipv4(0, true, part(kUdp, 0, 8)));
  wire.send(ipv4(0, true, part(kUdp, 0, 8)));
  const Reassembler::Datagram* const whole = wire.send(ipv4(8, false, part(kUdp, 8, 24)));
  CHECK(text(whole) == "abcdefghijklmnop");
  CHECK(frames(whole) == Frames{1, 2, 3});
  CHECK(wire.send(ipv4(8, false, part(kUdp, 8, 24))) == nullptr);
  wire.reassembler.expire(6 * kSecond);
  CHECK(wire.given_up == std::vector<Frames>{{4}});
}

TEST_CASE("Datagrams are told apart by id, protocol of IPv4, and addresses", "[reassembly]") {
  Wire wire;
  CHECK(wire.send(ipv4(0, true, part(kUdp, 0, 8), 1)) == nullptr);
  CHECK(wire.send(ipv4(8, false, part(kUdp, 8, 24), 2)) == nullptr);
  CHECK(wire.send(ipv4(8, false, part(kUdp, 8, 24), 1, "06")) == nullptr);
  Bytes other_source = ipv4(8, false, part(kUdp, 8, 24), 1);
  other_source[15] = 9;
  CHECK(wire.send(other_source) == nullptr);
  CHECK(text(wire.send(ipv4(8, false, part(kUdp, 8, 24), 1))) == "abcdefghijklmnop");
}

TEST_CASE("Of overlapping fragments what came first stays", "[reassembly]") {
  Wire wire;
  wire.send(ipv4(8, true, letters("12345678")));
  wire.send(ipv4(0, true, part(kUdp, 0, 8) + letters("XXXXXXXXyyyy")));  // over the first, and beyond
  wire.send(ipv4(16, true, letters("ZZZZ")));                            // within
  CHECK(text(wire.send(ipv4(16, false, letters("ZZZZklmn")))) == "12345678yyyyklmn");
}

TEST_CASE("Fragments that contradict the datagram's size are kept in mind, not believed", "[reassembly]") {
  Wire teardrop;
  teardrop.send(ipv4(0, true, part(kUdp, 0, 24)));
  CHECK(teardrop.send(ipv4(8, false, letters("1234"))) == nullptr);  // ends before the end
  CHECK(text(teardrop.send(ipv4(24, false, {}))) == "nothing");      // nothing at all
  CHECK(text(teardrop.send(ipv4(16, false, part(kUdp, 16, 24)))) == "abcdefghijklmnop");

  Wire beyond;
  beyond.send(ipv4(16, false, part(kUdp, 16, 24)));
  beyond.send(ipv4(24, true, letters("behind the end..")));
  beyond.send(ipv4(65528, true, letters("ping of death...")));
  const Reassembler::Datagram* const whole = beyond.send(ipv4(0, true, part(kUdp, 0, 16)));
  CHECK(text(whole) == "abcdefghijklmnop");
  CHECK(frames(whole) == Frames{1, 2, 3, 4});
}

TEST_CASE("A fragment cut by the snapshot length leaves a gap, also at the datagram's end", "[reassembly]") {
  Wire wire;
  wire.send(ipv4(0, true, part(kUdp, 0, 16)));
  CHECK(wire.send(ipv4(16, false, part(kUdp, 16, 24)), 20 + 5) == nullptr);
  CHECK(text(wire.send(ipv4(16, false, part(kUdp, 16, 24)))) == "abcdefghijklmnop");

  Wire no_payload;
  no_payload.send(ipv4(0, true, part(kUdp, 0, 16)));
  CHECK(no_payload.send(ipv4(16, false, part(kUdp, 16, 24)), 20) == nullptr);
  no_payload.reassembler.expire(6 * kSecond);
  CHECK(no_payload.prefixes == std::vector<std::string>{"abcdefgh"});
}

TEST_CASE("What does not become whole in time is given up with what there is from its begin", "[reassembly]") {
  Wire wire;
  wire.send(ipv4(0, true, part(kUdp, 0, 16), 1));
  wire.send(ipv4(24, true, letters("behind a gap....."), 1));
  wire.now = kSecond;
  wire.send(ipv4(8, true, letters("no begin"), 2));
  wire.reassembler.expire(5 * kSecond);
  CHECK(wire.given_up.empty());
  wire.reassembler.expire(5 * kSecond + 1);
  CHECK(wire.given_up == std::vector<Frames>{{1, 2}});
  CHECK(wire.prefixes == std::vector<std::string>{"abcdefgh"});
  CHECK(wire.last_given_up.source_port == 5060);
  wire.now = 7 * kSecond;  // the same id again, later: the fragments must not meet
  CHECK(wire.send(ipv4(0, true, part(kUdp, 0, 8), 2)) == nullptr);
  CHECK(wire.given_up == std::vector<Frames>{{1, 2}, {3}});
  CHECK(wire.prefixes.back().empty());
  CHECK_FALSE(wire.last_given_up.has_transport);
  wire.reassembler.expire(std::numeric_limits<std::int64_t>::max());
  CHECK(wire.given_up.size() == 3);
}

TEST_CASE("The oldest datagrams are given up beyond the limits", "[reassembly]") {
  Wire few({.bytes = 1 << 20, .datagrams = 2, .age_ns = kSecond});
  for (std::uint16_t id = 1; id <= 4; ++id) few.send(ipv4(0, true, part(kUdp, 0, 8), id));
  CHECK(few.given_up == std::vector<Frames>{{1}, {2}});

  Wire small({.bytes = 3000, .datagrams = 100, .age_ns = kSecond});
  for (std::uint16_t id = 1; id <= 3; ++id) small.send(ipv4(0, true, udp(std::string(1000, 'x')), id));
  CHECK(small.given_up == std::vector<Frames>{{1}});
  for (int copies = 0; copies < 1000; ++copies) small.send(ipv4(0, true, udp(std::string(1000, 'x')), 3));
  CHECK(small.given_up.size() > 2);  // copies bring no bytes, but cannot be kept without end either
}

TEST_CASE("Random fragments that cover a datagram make it whole, and every frame comes back once", "[reassembly]") {
  std::mt19937 random(20'261'122);
  const auto below = [&](std::size_t bound) { return static_cast<std::size_t>(random() % bound); };
  for (int round = 0; round < 300; ++round) {
    std::string letters_sent;
    for (std::size_t i = below(3000) + 1; i > 0; --i) letters_sent += static_cast<char>('a' + below(26));
    const Bytes bytes = udp(letters_sent);
    Wire wire;
    std::size_t came_back = 0;
    std::string got;
    for (int count = 0; count < 4000 && got.empty(); ++count) {
      const std::size_t begin = below(bytes.size() / 8 + 1) * 8;
      const std::size_t end = std::min(bytes.size(), begin + 8 * (1 + below(60)));
      if (begin >= end || (begin == 0 && end == bytes.size())) continue;
      const Reassembler::Datagram* const whole = wire.send(ipv4(begin, end < bytes.size(), part(bytes, begin, end)));
      if (whole == nullptr) continue;
      came_back = whole->frames.size();
      got = text(whole);
    }
    if (bytes.size() < 16) continue;  // has no second fragment
    REQUIRE(got == letters_sent);
    REQUIRE(came_back == wire.last_frame);
    wire.reassembler.expire(std::numeric_limits<std::int64_t>::max());
    REQUIRE(wire.given_up.empty());
  }
}

namespace {

/// Each datagram as its frames, a colon, and its UDP payload.
using Lines = std::vector<std::string>;

Lines judged_datagrams(const std::string& path) {
  Lines lines;
  for (const auto& fields : lc::packet::test::tshark_fields(path, {"ip.fragment", "ipv6.fragment", "udp.payload"})) {
    if (fields[0].empty() && fields[1].empty()) continue;
    std::string line;
    for (const std::string& frame : fields[0].empty() ? fields[1] : fields[0]) line += frame + " ";
    lines.push_back(line + ":" + fields[2].at(0));
  }
  return lines;
}

Lines our_datagrams(const std::string& path) {
  Lines lines;
  Reassembler reassembler({}, [](const Reassembler::Datagram&) { FAIL("given up"); });
  FrameId number = 0;
  for (const Captured& packet : lc::packet::test::read_packets(path)) {
    const Decoded decoded = lc::packet::decode(packet.link_type, packet.bytes);
    ++number;
    if (!decoded.ip.is_fragment()) continue;
    const Reassembler::Datagram* const whole = reassembler.add(decoded.ip, number, packet.at_ns);
    if (whole == nullptr) continue;
    std::string line;
    for (const FrameId frame : whole->frames) line += std::to_string(frame) + " ";
    lines.push_back(line + ":" + lc::packet::test::hex(whole->ip.payload));
  }
  return lines;
}

}  // namespace

TEST_CASE("Captured fragments become the datagrams that tshark shows", "[reassembly]") {
  for (const std::string name : {"sip-ipv4-fragments-multipart.pcap", "sip-ipv6-fragments-sll.pcap"}) {
    const auto path = lc::packet::test::shared_file(name);
    if (!path) continue;
    const Lines judged = judged_datagrams(*path);
    CHECK_FALSE(judged.empty());
    CHECK(our_datagrams(*path) == judged);
  }
  const lc::test::TempDir directory;
  if (const auto load = lc::packet::test::made_load(directory, "--large 1 --ipv6 0.5")) {
    const Lines judged = judged_datagrams(*load);
    CHECK_FALSE(judged.empty());
    CHECK(our_datagrams(*load) == judged);
  }
}
