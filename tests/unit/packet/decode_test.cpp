// Frames by hand, field by field as the RFC quoted at each has them. Whole captures are compared with tshark in
// tests/e2e/test_decode_against_tshark.py.
#include "common/packet/decode.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string_view>
#include <vector>

#include "common/packet/packet.h"

namespace {

using lc::packet::decode;
using lc::packet::Decoded;
using lc::packet::DecodeEnd;
using Bytes = std::vector<std::uint8_t>;

int digit(char c) {
  return c <= '9' ? c - '0' : c - 'a' + 10;
}

/// "0a 0b" and "0a0b" as bytes.
Bytes hex(std::string_view text) {
  Bytes bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ' ') continue;
    bytes.push_back(static_cast<std::uint8_t>(digit(text[i]) * 16 + digit(text[i + 1])));
    ++i;
  }
  return bytes;
}

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

std::string_view text(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

const Bytes kMacs = hex("02 00 00 00 00 01  02 00 00 00 00 02");

// RFC 768: source port, destination port, length, checksum. Ports 5060 and 5062, payload "hello".
const Bytes kUdp = hex("13c4 13c6 000d 0000  68 65 6c 6c 6f");

// RFC 791 section 3.1: version and IHL, TOS, total length 33, id, flags and offset, TTL, protocol 17, checksum,
// 10.0.0.1, 192.0.2.255.
const Bytes kIpv4Header = hex("45 00 0021  beef 0000  40 11 0000  0a000001 c00002ff");
const Bytes kIpv4Udp = kIpv4Header + kUdp;

/// RFC 8200 section 3, from 2001:db8::1 to 2001:db8::2.
Bytes ipv6(std::uint8_t next_header, const Bytes& payload) {
  return hex("60000000") +
         Bytes{static_cast<std::uint8_t>(payload.size() >> 8), static_cast<std::uint8_t>(payload.size()), next_header,
               64} +
         hex("20010db8 00000000 00000000 00000001  20010db8 00000000 00000000 00000002") + payload;
}

Bytes ethernet(std::string_view type_and_tags, const Bytes& payload) {
  return kMacs + hex(type_and_tags) + payload;
}

Bytes with(Bytes bytes, std::size_t at, std::string_view replacement) {
  const Bytes in = hex(replacement);
  std::copy(in.begin(), in.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
  return bytes;
}

Decoded raw(const Bytes& frame) {
  return decode(lc::packet::kRaw, frame);
}

void check_is_the_udp_packet(const Decoded& decoded) {
  CHECK(decoded.end == DecodeEnd::kComplete);
  CHECK(decoded.ip.version == 4);
  CHECK(decoded.ip.source.text() == "10.0.0.1");
  CHECK(decoded.ip.destination.text() == "192.0.2.255");
  CHECK(decoded.ip.protocol == 17);
  CHECK(decoded.ip.source_port == 5060);
  CHECK(decoded.ip.destination_port == 5062);
  CHECK(text(decoded.ip.payload) == "hello");
}

/// As LinkTags' comment tells callers to do it.
Bytes without_tags(Bytes frame, const lc::packet::LinkTags& tags) {
  const auto at = [&](std::size_t offset) { return frame.begin() + static_cast<std::ptrdiff_t>(offset); };
  std::copy(at(tags.end() - 2), at(tags.end()), at(tags.type_offset));
  frame.erase(at(tags.offset), at(tags.end()));
  return frame;
}

}  // namespace

TEST_CASE("Each link type leads to the IP packet behind its header", "[decode]") {
  struct Link {
    std::uint32_t type;
    Bytes header;
  };
  const auto [type, header] =
      GENERATE(values<Link>({{1, kMacs + hex("0800")},
                             {1, kMacs + hex("0029 aaaa03 000000 0800")},         // RFC 1042: length, LLC, SNAP
                             {1, kMacs + hex("8864 11 00 0007 0023 0021")},       // RFC 2516: session data; PPP's IPv4
                             {113, hex("0000 0001 0006 0200000000010000 0800")},  // LINKTYPE_LINUX_SLL
                             {113, hex("0000 0001 0006 0200000000010000 0004 aaaa03 000000 0800")},
                             {276, hex("0800 0000 00000002 0001 00 06 0200000000010000")},  // LINKTYPE_LINUX_SLL2
                             {101, {}},
                             {12, {}},
                             {14, {}},
                             {228, {}},
                             {0, hex("02000000")},
                             {0, hex("00000002")},
                             {108, hex("00000002")}}));
  CAPTURE(type, header.size());
  const Bytes frame = header + kIpv4Udp;
  const Decoded decoded = decode(type, frame);
  check_is_the_udp_packet(decoded);
  CHECK(decoded.ip.header_offset == header.size());
  CHECK(decoded.ip.transport_offset == header.size() + 20);
  CHECK(decoded.ip.payload.data() == frame.data() + header.size() + 28);
}

TEST_CASE("The loopback header's AF_INET6 is known in every system's number and byte order", "[decode]") {
  const auto* const header =
      GENERATE("0a000000", "0000000a", "18000000", "00000018", "1c000000", "0000001c", "1e000000", "0000001e");
  const Bytes frame = hex(header) + ipv6(17, kUdp);
  CHECK(decode(0, frame).ip.source.text() == "2001:db8::1");
  CHECK(decode(108, frame).end == DecodeEnd::kComplete);
  CHECK(decode(229, ipv6(17, kUdp)).end == DecodeEnd::kComplete);
}

TEST_CASE("What is not IP is said to be so, and an unknown link type unsupported", "[decode]") {
  CHECK(decode(1, ethernet("0806", Bytes(28))).end == DecodeEnd::kNotIp);                     // ARP
  CHECK(decode(1, ethernet("0026 424203", Bytes(35))).end == DecodeEnd::kNotIp);              // spanning tree's LLC
  CHECK(decode(1, ethernet("0020 aaaa03 00000c 2000", Bytes(24))).end == DecodeEnd::kNotIp);  // Cisco's SNAP: CDP
  CHECK(decode(1, ethernet("8864 11000007000a c021", Bytes(8))).end == DecodeEnd::kNotIp);    // PPP's LCP
  CHECK(decode(1, ethernet("8863 11090000000c", Bytes(12))).end == DecodeEnd::kNotIp);        // PPPoE discovery
  CHECK(decode(0, hex("07000000") + Bytes(20)).end == DecodeEnd::kNotIp);                     // AF_ 7: OSI
  CHECK(decode(101, hex("00 00 00 00")).end == DecodeEnd::kNotIp);
  CHECK(decode(105, Bytes(60)).end == DecodeEnd::kUnsupported);  // IEEE 802.11
}

TEST_CASE("Tags are counted, their ids kept, and taken out as the interface says", "[decode]") {
  struct Tagged {
    std::uint32_t type;
    Bytes frame;
    Bytes untagged;
    std::vector<std::uint16_t> ids;
  };
  const Bytes sll = hex("0000 0001 0006 0200000000010000");
  const Bytes sll2 = hex("0000 00000002 0001 00 06 0200000000010000");
  const auto c = GENERATE_COPY(values<Tagged>(
      // IEEE 802.1Q: TPID, then priority (3 bits), drop eligibility, id (12 bits).
      {{1, ethernet("8100 e064 0800", kIpv4Udp), ethernet("0800", kIpv4Udp), {100}},
       {1, ethernet("8100 a000 0800", kIpv4Udp), ethernet("0800", kIpv4Udp), {0}},  // a priority tag
       {1, ethernet("88a8 0064 8100 0fff 0800", kIpv4Udp), ethernet("0800", kIpv4Udp), {100, 4095}},
       {1, ethernet("9100 0005 9100 0006 8100 0007 0800", kIpv4Udp), ethernet("0800", kIpv4Udp), {5, 6, 7}},
       {1, ethernet("8100 0009 0029 aaaa03 000000 0800", kIpv4Udp), ethernet("0029 aaaa03 000000 0800", kIpv4Udp), {9}},
       {113, sll + hex("8100 002a 0800") + kIpv4Udp, sll + hex("0800") + kIpv4Udp, {42}},
       {276, hex("8100") + sll2 + hex("002a 0800") + kIpv4Udp, hex("0800") + sll2 + kIpv4Udp, {42}},
       {276, hex("88a8") + sll2 + hex("002a 8100 002b 0800") + kIpv4Udp, hex("0800") + sll2 + kIpv4Udp, {42, 43}}}));
  const Decoded decoded = decode(c.type, c.frame);
  check_is_the_udp_packet(decoded);
  REQUIRE(decoded.tags.count == c.ids.size());
  CHECK(std::equal(c.ids.begin(), c.ids.end(), decoded.tags.ids.begin()));
  CHECK(without_tags(c.frame, decoded.tags) == c.untagged);
}

TEST_CASE("More tags than are kept still lead to the packet, and more than sense are refused", "[decode]") {
  Bytes tags;
  for (std::uint8_t i = 1; i <= 8; ++i) tags = tags + hex("8100") + Bytes{0, i};
  const Bytes eight = kMacs + tags + hex("0800") + kIpv4Udp;
  const Decoded decoded = decode(1, eight);
  check_is_the_udp_packet(decoded);
  CHECK(decoded.tags.count == 8);
  CHECK(decoded.tags.ids == std::array<std::uint16_t, 4>{1, 2, 3, 4});
  const Bytes nine = kMacs + hex("8100 0000") + tags + hex("0800") + kIpv4Udp;
  CHECK(decode(1, nine).end == DecodeEnd::kUnsupported);
}

TEST_CASE("Padding behind the IP packet is not payload", "[decode]") {
  const Bytes padded = ethernet("0800", kIpv4Udp) + Bytes(13);
  check_is_the_udp_packet(decode(1, padded));
  const Bytes padded6 = ethernet("86dd", ipv6(59, {})) + Bytes(6);  // RFC 8200 section 4.7: no next header
  const Decoded decoded = decode(1, padded6);
  CHECK(decoded.end == DecodeEnd::kComplete);
  CHECK(decoded.ip.protocol == 59);
  CHECK(decoded.ip.payload.empty());
}

TEST_CASE("A length of 0 means the rest of the frame: the network card was to fill it in", "[decode]") {
  check_is_the_udp_packet(raw(with(kIpv4Udp, 2, "0000")));
  const Bytes frame6 = with(ipv6(17, kUdp), 4, "0000");
  const Decoded decoded = raw(frame6);
  CHECK(decoded.end == DecodeEnd::kComplete);
  CHECK(text(decoded.ip.payload) == "hello");
}

TEST_CASE("IPv4 options are passed over", "[decode]") {
  // RFC 2113: the router alert option, IHL 6.
  const Bytes frame = with(kIpv4Header, 0, "46000025") + hex("94040000") + kUdp;
  check_is_the_udp_packet(raw(frame));
}

TEST_CASE("The first fragment has ports, a later one only its place in the datagram", "[decode]") {
  // RFC 791: the flag MF is 0x2000, offsets count in units of 8 bytes. The UDP length is the whole datagram's.
  const Bytes first = with(with(kIpv4Udp, 6, "2000"), 24, "05c8");
  const Decoded head = raw(first);
  CHECK(head.end == DecodeEnd::kComplete);
  CHECK(head.ip.is_fragment());
  CHECK(head.ip.more_fragments);
  CHECK(head.ip.fragment_id == 0xbeef);
  CHECK(head.ip.source_port == 5060);
  CHECK(text(head.ip.payload) == "hello");

  // RFC 791: a fragment may end inside the transport header.
  CHECK(raw(with(with(kIpv4Udp, 6, "2000"), 2, "0018")).end == DecodeEnd::kTruncated);

  const Bytes later = with(kIpv4Udp, 6, "00b9");
  const Decoded tail = raw(later);
  CHECK(tail.end == DecodeEnd::kFragment);
  CHECK(tail.ip.fragment_offset == 1480);
  CHECK_FALSE(tail.ip.more_fragments);
  CHECK_FALSE(tail.ip.has_ports);
  CHECK(tail.ip.payload.size() == kUdp.size());
}

TEST_CASE("IPv6 fragments are told by their header", "[decode]") {
  // RFC 8200 section 4.5: next header, reserved, offset (13 bits, units of 8) and M, identification.
  const Bytes first = ipv6(44, hex("11 00 0001 deadbeef") + with(kUdp, 4, "05c8"));
  const Decoded head = raw(first);
  CHECK(head.end == DecodeEnd::kComplete);
  CHECK(head.ip.more_fragments);
  CHECK(head.ip.fragment_id == 0xdeadbeef);
  CHECK(head.ip.protocol == 17);
  CHECK(head.ip.destination_port == 5062);

  const Bytes later = ipv6(44, hex("11 00 05a8 deadbeef") + kUdp);
  const Decoded tail = raw(later);
  CHECK(tail.end == DecodeEnd::kFragment);
  CHECK(tail.ip.fragment_offset == 1448);
  CHECK_FALSE(tail.ip.has_ports);

  const Bytes atomic = ipv6(44, hex("11 00 0000 deadbeef") + kUdp);  // RFC 6946
  CHECK_FALSE(raw(atomic).ip.is_fragment());
  CHECK(raw(atomic).ip.has_transport);
}

TEST_CASE("Every IPv6 extension header is passed over", "[decode]") {
  struct Extension {
    std::uint8_t protocol;
    const char* bytes;
  };
  const auto [protocol, bytes] = GENERATE(values<Extension>({
      {0, "11 00 0104 00000000"},                                     // hop-by-hop, RFC 8200 section 4.3
      {43, "11 02 0000 00000000 20010db8000000000000000000000003"},   // routing, section 4.4
      {60, "11 01 010c 00000000 0000000000000000"},                   // destination options, section 4.6
      {51, "11 04 0000 00000001 00000001 000000000000000000000000"},  // authentication, RFC 4302
      {135, "11 00 0100 00000000"},                                   // mobility, RFC 6275
      {139,
       "11 04 0121 00000000"
       "00000000000000000000000000000000"
       "00000000000000000000000000000000"},  // RFC 7401
      {140, "11 00 8000 00000001"},          // shim6, RFC 5533
  }));
  CAPTURE(protocol);
  const Bytes frame = ipv6(protocol, hex(bytes) + kUdp);
  const Decoded decoded = raw(frame);
  CHECK(decoded.end == DecodeEnd::kComplete);
  CHECK(decoded.ip.protocol == 17);
  CHECK(decoded.ip.transport_offset == frame.size() - kUdp.size());
  CHECK(text(decoded.ip.payload) == "hello");
}

TEST_CASE("A chain of extension headers without end is given up", "[decode]") {
  Bytes chain;
  for (int i = 0; i < 15; ++i) chain = chain + hex("3c 00 0104 00000000");
  const Bytes sixteen = ipv6(60, chain + hex("11 00 0104 00000000") + kUdp);
  CHECK(raw(sixteen).end == DecodeEnd::kComplete);
  const Bytes seventeen = ipv6(60, chain + hex("3c 00 0104 00000000 11 00 0104 00000000") + kUdp);
  CHECK(raw(seventeen).end == DecodeEnd::kUnsupported);
}

TEST_CASE("TCP's fields are where RFC 9293 has them", "[decode]") {
  // Ports, sequence, acknowledgement, data offset 6 and flags NS PSH ACK (RFC 3540), window, checksum, urgent; one
  // option of 4 bytes.
  const Bytes tcp = hex("13c4 9c40 80000001 fffffffe 6118 0200 0000 0000 020405b4 68656c6c6f");
  const Bytes frame = ipv6(6, tcp);
  const Decoded decoded = raw(frame);
  CHECK(decoded.end == DecodeEnd::kComplete);
  CHECK(decoded.ip.source_port == 5060);
  CHECK(decoded.ip.destination_port == 40000);
  CHECK(decoded.ip.tcp.sequence == 0x80000001);
  CHECK(decoded.ip.tcp.acknowledgement == 0xfffffffe);
  CHECK(decoded.ip.tcp.flags == 0x118);
  CHECK(text(decoded.ip.payload) == "hello");
}

TEST_CASE("SCTP has ports, ICMP a type and a code, and other protocols a number and a payload", "[decode]") {
  const Bytes sctp = ipv6(132, hex("13c4 0b59 00000001 00000000  03000010"));  // RFC 9260 section 3.1
  CHECK(raw(sctp).ip.destination_port == 2905);
  CHECK(raw(sctp).ip.payload.size() == 4);

  const Bytes icmpv6 = ipv6(58, hex("80 07 0000 0001 0001"));  // RFC 4443 section 4.1
  CHECK(raw(icmpv6).ip.icmp_type == 128);
  CHECK(raw(icmpv6).ip.icmp_code == 7);
  CHECK_FALSE(raw(icmpv6).ip.has_ports);

  const Bytes gre = ipv6(47, hex("0000 0800 01"));
  CHECK(raw(gre).end == DecodeEnd::kComplete);
  CHECK(raw(gre).ip.protocol == 47);
  CHECK_FALSE(raw(gre).ip.has_transport);
  CHECK(raw(gre).ip.payload.size() == 5);
}

TEST_CASE("Lengths and versions that contradict each other are malformed", "[decode]") {
  CHECK(raw(with(kIpv4Udp, 0, "44")).end == DecodeEnd::kMalformed);    // IHL below 5
  CHECK(raw(with(kIpv4Udp, 2, "0013")).end == DecodeEnd::kMalformed);  // total length below the header's
  CHECK(raw(with(kIpv4Udp, 2, "0013")).ip.version == 0);
  CHECK(raw(with(kIpv4Udp, 2, "0018")).end == DecodeEnd::kMalformed);   // no room for UDP's header
  CHECK(raw(with(kIpv4Udp, 24, "0007")).end == DecodeEnd::kMalformed);  // UDP length below its header's
  CHECK(raw(with(kIpv4Udp, 24, "000e")).end == DecodeEnd::kMalformed);  // UDP length above IP's
  CHECK(raw(with(kIpv4Udp, 24, "000e")).ip.source_port == 5060);
  CHECK(decode(1, ethernet("0800", ipv6(17, kUdp))).end == DecodeEnd::kMalformed);
  CHECK(decode(1, ethernet("86dd", kIpv4Udp + Bytes(20))).end == DecodeEnd::kMalformed);
  const Bytes tcp = hex("13c4 9c40 80000001 fffffffe 4018 0200 0000 0000 68656c6c6f");
  CHECK(raw(ipv6(6, tcp)).end == DecodeEnd::kMalformed);                                // data offset below 5
  CHECK(raw(ipv6(6, with(tcp, 12, "f0"))).end == DecodeEnd::kMalformed);                // data offset behind the end
  CHECK(raw(ipv6(0, hex("11 09 0104 00000000") + kUdp)).end == DecodeEnd::kMalformed);  // an extension header likewise
}

TEST_CASE("A UDP length below IP's ends the payload", "[decode]") {
  const Bytes frame = with(kIpv4Udp, 24, "000a");
  CHECK(raw(frame).end == DecodeEnd::kComplete);
  CHECK(text(raw(frame).ip.payload) == "he");
}

TEST_CASE("A capture cut anywhere is truncated, and what was read before the cut stays", "[decode]") {
  const Bytes tcp = hex("13c4 9c40 80000001 fffffffe 6018 0200 0000 0000 020405b4 68656c6c6f");
  const Bytes whole = ethernet("88a8 0064 8100 0fff 86dd", ipv6(60, hex("06 00 0104 00000000") + tcp));
  constexpr std::size_t kIp = 22;
  constexpr std::size_t kTransport = kIp + 40 + 8;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));  // so that a sanitizer sees more
    const Decoded decoded = decode(1, cut);
    CHECK(decoded.end == DecodeEnd::kTruncated);
    CHECK((decoded.ip.version == 6) == (size >= kIp + 40));
    CHECK(decoded.ip.has_ports == (size >= kTransport + 4));
    CHECK(decoded.ip.has_transport == (size >= kTransport + 24));
  }
  CHECK(decode(1, whole).end == DecodeEnd::kComplete);
  CHECK(decode(101, {}).end == DecodeEnd::kTruncated);
  const Bytes later = with(kIpv4Header, 6, "00b9");
  CHECK(raw(later).end == DecodeEnd::kTruncated);
  CHECK(raw(later).ip.fragment_offset == 1480);
}
