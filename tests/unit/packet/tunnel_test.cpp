// Headers by hand, field by field as the document quoted at each has them, then captures against tshark.
#include "common/packet/tunnel.h"

#include <catch2/catch.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "common/packet/packet.h"
#include "tests/unit/packet/shared_packets.h"

namespace {

using lc::packet::decode_inner;
using lc::packet::Decoded;
using lc::packet::DecodeEnd;
using lc::packet::IpPacket;
using lc::packet::test::Captured;
using lc::packet::test::Fields;
using Bytes = std::vector<std::uint8_t>;

/// "0a 0b" and "0a0b" as bytes.
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

// 10.0.0.1 port 5060 to 192.0.2.255 port 5062, "hello" (RFC 791, RFC 768).
const Bytes kIpv4 = hex("45000021 beef0000 40110000 0a000001 c00002ff  13c4 13c6 000d 0000  68656c6c6f");
// 2001:db8::1 to 2001:db8::2, the same (RFC 8200).
const Bytes kIpv6 = hex("60000000 000d 11 40  20010db8000000000000000000000001 20010db8000000000000000000000002") +
                    hex("13c4 13c6 000d 0000  68656c6c6f");
const Bytes kMacs = hex("020000000001 020000000002");
const Bytes kEthernet = kMacs + hex("0800") + kIpv4;

/// The outer packet as decode() gives it, with `payload` behind its last header.
struct Outer {
  Outer(std::uint8_t protocol, Bytes wanted_payload, std::uint16_t port = 0) : payload(std::move(wanted_payload)) {
    ip.version = 4;
    ip.protocol = protocol;
    ip.has_ports = ip.has_transport = protocol == 17;
    ip.source_port = 40000;
    ip.destination_port = port;
    ip.payload = payload;
  }
  Outer(const Outer&) = delete;
  Outer& operator=(const Outer&) = delete;

  Bytes payload;
  IpPacket ip;
};

/// Whether the inner packet is found at `offset` and has what all of these have.
bool leads_to_hello(const IpPacket& outer, std::size_t offset) {
  Decoded inner;
  if (!decode_inner(outer, inner)) return false;
  CHECK(inner.end == DecodeEnd::kComplete);
  CHECK(inner.ip.header_offset == offset);
  CHECK(inner.ip.transport_offset == offset + (inner.ip.version == 4 ? 20 : 40));
  CHECK(inner.ip.source.text() == (inner.ip.version == 4 ? "10.0.0.1" : "2001:db8::1"));
  CHECK(inner.ip.source_port == 5060);
  CHECK(inner.ip.destination_port == 5062);
  CHECK(std::string(inner.ip.payload.begin(), inner.ip.payload.end()) == "hello");
  return true;
}
bool leads_to_hello(std::uint8_t protocol, const Bytes& headers, const Bytes& packet, std::size_t more = 0,
                    std::uint16_t port = 0) {
  return leads_to_hello(Outer(protocol, headers + packet, port).ip, headers.size() + more);
}
bool leads_nowhere(std::uint8_t protocol, const Bytes& payload, std::uint16_t port = 0) {
  Decoded inner;
  return !decode_inner(Outer(protocol, payload, port).ip, inner);
}

}  // namespace

TEST_CASE("IP in IP is found by its protocol number, of either version in either", "[tunnel]") {
  CHECK(leads_to_hello(4, {}, kIpv4));
  CHECK(leads_to_hello(41, {}, kIpv6));
  CHECK(leads_nowhere(4, hex("00")));
  CHECK(leads_nowhere(41, {}));
}

TEST_CASE("GRE leads to IP and Ethernet, with whatever of its fields are there", "[tunnel]") {
  // RFC 2784 section 2, RFC 2890 section 2: C 8, K 2, S 1 in the first digit; 4 bytes for each.
  CHECK(leads_to_hello(47, hex("0000 0800"), kIpv4));
  CHECK(leads_to_hello(47, hex("0000 86dd"), kIpv6));
  CHECK(leads_to_hello(47, hex("8000 0800 12340000"), kIpv4));
  CHECK(leads_to_hello(47, hex("2000 0800 00000007"), kIpv4));
  CHECK(leads_to_hello(47, hex("1000 0800 00000007"), kIpv4));
  CHECK(leads_to_hello(47, hex("b000 6558 12340000 00000007 00000008"), kEthernet, 14));
  CHECK(leads_nowhere(47, hex("4000 0800") + kIpv4));  // RFC 1701's routing
  CHECK(leads_nowhere(47, hex("0002 0800") + kIpv4));
  CHECK(leads_nowhere(47, hex("0000 0806") + kIpv4));
  CHECK(leads_nowhere(47, hex("b000 0800 1234")));
}

TEST_CASE("PPTP's GRE leads to IP, however short PPP is written", "[tunnel]") {
  // RFC 2637 section 4.1: K, S and version 1, A in the second byte; payload length, call id.
  CHECK(leads_to_hello(47, hex("2001 880b 00250001 ff030021"), kIpv4));
  CHECK(leads_to_hello(47, hex("3001 880b 00230001 00000001 21"), kIpv4));
  CHECK(leads_to_hello(47, hex("3081 880b 00230001 00000001 00000002 0057"), kIpv6));
  CHECK(leads_nowhere(47, hex("2001 880b 00250001 ff03c021") + kIpv4));
  CHECK(leads_nowhere(47, hex("3081 880b 00230001 00000001 0000")));
}

TEST_CASE("ERSPAN of each type leads to the mirrored frame", "[tunnel]") {
  // draft-foschiano-erspan-03 sections 4.1 to 4.3.
  CHECK(leads_to_hello(47, hex("0000 88be"), kEthernet, 14));
  CHECK(leads_to_hello(47, hex("1000 88be 00000001  1001 0001 00000000"), kEthernet, 14));
  CHECK(leads_to_hello(47, hex("1000 22eb 00000001  2001 0001 00000000 00000000"), kEthernet, 14));
  CHECK(leads_to_hello(47, hex("1000 22eb 00000001  2001 0001 00000000 00000001 0000000000000000"), kEthernet, 14));
  CHECK(leads_to_hello(47, hex("1000 22eb 00000001  2001 0001 00000000 00000800"), kIpv4));
  CHECK(leads_nowhere(47, hex("1000 22eb 00000001  2001 0001 00000000 00000001 00000000")));
}

TEST_CASE("VXLAN is known by either port, and its tags count from the outer payload", "[tunnel]") {
  // RFC 7348 section 5: flag I, VNI 7.
  const Bytes header = hex("08000000 00000700");
  CHECK(leads_to_hello(17, header, kEthernet, 14, 4789));
  CHECK(leads_to_hello(17, header, kEthernet, 14, 8472));
  CHECK(leads_nowhere(17, header + kEthernet, 4790));
  CHECK(leads_nowhere(17, hex("00000000 00000700") + kEthernet, 4789));
  CHECK(leads_nowhere(17, header + kMacs + hex("0806 0001"), 4789));

  Outer answer(17, header + kMacs + hex("8100 0005 0800") + kIpv4);
  answer.ip.source_port = 4789;
  Decoded inner;
  REQUIRE(decode_inner(answer.ip, inner));
  CHECK(inner.tags.count == 1);
  CHECK(inner.tags.ids[0] == 5);
  CHECK(inner.tags.type_offset == 8 + 12);
  CHECK(inner.tags.offset == 8 + 14);
  CHECK(inner.tags.end() == inner.ip.header_offset);
}

TEST_CASE("GTP-U leads to the user's packet, over optional fields and extension headers", "[tunnel]") {
  // 3GPP TS 29.281 section 5.1: version 1, PT; G-PDU 255; length, tunnel; then E, S, PN.
  CHECK(leads_to_hello(17, hex("30 ff 0021 00000001"), kIpv4, 0, 2152));
  CHECK(leads_to_hello(17, hex("30 ff 0035 00000001"), kIpv6, 0, 2152));
  CHECK(leads_to_hello(17, hex("32 ff 0025 00000001 0007 00 85"), kIpv4, 0, 2152));  // no E: the type says nothing
  CHECK(leads_to_hello(17, hex("34 ff 0029 00000001 0000 00 85  01 100b 00"), kIpv4, 0, 2152));
  CHECK(leads_to_hello(17, hex("36 ff 0031 00000001 0007 00 85  01 100b c0  02 000000000000 00"), kIpv4, 0, 2152));
  CHECK(leads_nowhere(17, hex("34 ff 0029 00000001 0000 00 85  00 100b 00") + kIpv4, 2152));
  CHECK(leads_nowhere(17, hex("34 ff 0029 00000001 0000 00 85  ff 100b 00") + kIpv4, 2152));
  CHECK(leads_nowhere(17, hex("30 01 0021 00000001") + kIpv4, 2152));
  CHECK(leads_nowhere(17, hex("20 ff 0021 00000001") + kIpv4, 2152));  // GTP'
  CHECK(leads_nowhere(17, hex("48 ff 0021 00000001") + kIpv4, 2152));  // version 2
}

TEST_CASE("A fragment carries no packet, and a cut one carries what is there", "[tunnel]") {
  Outer fragment(4, kIpv4);
  fragment.ip.more_fragments = true;
  Decoded inner;
  CHECK_FALSE(decode_inner(fragment.ip, inner));

  const Outer cut(4, Bytes(kIpv4.begin(), kIpv4.end() - 2));
  REQUIRE(decode_inner(cut.ip, inner));
  CHECK(inner.end == DecodeEnd::kTruncated);
  CHECK(inner.ip.destination_port == 5062);
}

TEST_CASE("Tunnels in tunnels are read one by one, also into the place of the outer", "[tunnel]") {
  const Bytes frame = hex("4500007f 00000000 40040000 7f000001 7f000002") +  // IPIP with GRE with VXLAN
                      hex("4500006b 00000000 402f0000 7f000001 7f000002  0000 0800") +
                      hex("45000053 00000000 40110000 7f000001 7f000002  1000 12b5 003f 0000  08000000 00000700") +
                      kEthernet;
  Decoded decoded = lc::packet::decode(lc::packet::kRaw, frame);
  REQUIRE(decoded.end == DecodeEnd::kComplete);
  REQUIRE(decode_inner(decoded.ip, decoded));
  REQUIRE(decode_inner(decoded.ip, decoded));
  CHECK(leads_to_hello(decoded.ip, 8 + 14));
}

namespace {

// The innermost UDP or TCP packet on a line, and nothing where there is none.
std::string line_of(std::string_view source, std::string_view destination, std::string_view source_port,
                    std::string_view destination_port, std::string_view payload) {
  std::string line;
  for (const std::string_view part : {source, destination, source_port, destination_port, payload}) {
    line += std::string(part) + " ";
  }
  return line;
}

/// The judge's. Every packet is in one tunnel over IPv4; those that quote others (ICMP) are left out.
std::string judged_line(const Fields& fields, bool over_udp) {
  const auto field = [&](std::size_t which, std::size_t occurrence) {
    return fields[which].size() > occurrence ? fields[which][occurrence] : std::string();
  };
  const bool is_ipv6 = !fields[2].empty();
  const bool is_tcp = !fields[7].empty();
  const std::size_t udp = over_udp ? 1 : 0;
  if (field(0, 0).find("icmp") != std::string::npos || (!is_tcp && fields[4].size() <= udp)) return "";
  return line_of(is_ipv6 ? field(2, 0) : field(1, 1), is_ipv6 ? field(3, 0) : field(10, 1),
                 is_tcp ? field(7, 0) : field(4, udp), is_tcp ? field(8, 0) : field(5, udp),
                 is_tcp ? field(9, 0) : field(6, udp));
}

/// Gives how many packets there were to compare.
std::size_t compare_with_tshark(const std::string& path, bool over_udp) {
  const std::vector<Captured> packets = lc::packet::test::read_packets(path);
  const std::vector<Fields> judged = lc::packet::test::tshark_fields(
      path,
      {"frame.protocols", "ip.src", "ipv6.src", "ipv6.dst", "udp.srcport", "udp.dstport", "udp.payload", "tcp.srcport",
       "tcp.dstport", "tcp.payload", "ip.dst"},
      "-o ip.defragment:FALSE -o tcp.desegment_tcp_streams:FALSE");
  REQUIRE(judged.size() == packets.size());
  std::size_t compared = 0;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    const std::string expected = judged_line(judged[i], over_udp);
    if (expected.empty()) continue;
    const Decoded outer = lc::packet::decode(packets[i].link_type, packets[i].bytes);
    Decoded inner;
    INFO(path << " packet " << i + 1);
    REQUIRE(decode_inner(outer.ip, inner));
    REQUIRE(line_of(inner.ip.source.text(), inner.ip.destination.text(), std::to_string(inner.ip.source_port),
                    std::to_string(inner.ip.destination_port), lc::packet::test::hex(inner.ip.payload)) == expected);
    ++compared;
  }
  return compared;
}

}  // namespace

TEST_CASE("The packets in captured tunnels are those that tshark shows", "[tunnel]") {
  if (const auto gre = lc::packet::test::shared_file("sip-gre-ethernet-three-calls-refer.pcapng")) {
    CHECK(compare_with_tshark(*gre, false) == 140);
  }
  if (const auto gtp = lc::packet::test::shared_file("sip-volte-gtp-ipv6-tcp-amr-sll.pcap")) {
    CHECK(compare_with_tshark(*gtp, true) > 90);
  }
  if (const auto vxlan = lc::packet::test::shared_file("vxlan-ssh-dns.pcap")) {
    CHECK(compare_with_tshark(*vxlan, true) == 100);
  }
}

TEST_CASE("Calls in GRE, VXLAN and GTP-U are found as tshark finds them", "[tunnel]") {
  for (const std::string encapsulation : {"gre", "vxlan", "gtp"}) {
    const lc::test::TempDir directory;
    const auto load =
        lc::packet::test::made_load(directory, "--ipv6 0.5 --tcp 0.5 --background 0.3 --encap " + encapsulation);
    if (load) CHECK(compare_with_tshark(*load, encapsulation != "gre") > 500);
  }
}
