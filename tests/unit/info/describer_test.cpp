// What real packets say is judged by tshark, in tests/e2e/test_metadata_against_tshark.py; here is what captures lack.
#include "common/info/describer.h"

#include <catch2/catch.hpp>
#include <string>

#include "common/base/text.h"
#include "common/packet/packet.h"
#include "tests/support/sip_packets.h"

using namespace lc;
using namespace lc::info;
using lc::test::Bytes;
using lc::test::bytes_of;
using lc::test::Host;
using lc::test::udp_frame;

namespace {

const Host kAlice{"192.0.2.1", 5060};
const Host kBob{"192.0.2.2", 5060};

PacketInfo described(Describer& describer, const Bytes& frame) {
  return describer.describe(packet::kEthernet, frame);
}

PacketInfo described_sip(const std::string& headers,
                         const std::string& first_line = "INVITE sip:bob@b.example SIP/2.0") {
  Describer describer;
  return described(describer,
                   udp_frame(kAlice, kBob, bytes_of(first_line + "\r\nCall-ID: one\r\n" + headers + "\r\n")));
}

/// RFC 3550 section 5.1: version 2, payload type 0, 160 bytes.
Bytes rtp(std::uint16_t sequence, std::uint32_t ssrc = 0x1234'5678) {
  Bytes bytes = {0x80, 0};
  test::put16(bytes, sequence);
  test::put32(bytes, 160U * sequence);
  test::put32(bytes, ssrc);
  bytes.resize(bytes.size() + 160, 0xff);
  return bytes;
}

}  // namespace

TEST_CASE("Text from the network can be given to a terminal: no control characters, whatever a header has", "[info]") {
  const PacketInfo info = described_sip("From: <sip:al\x1b[31mice@a.example>;tag=\x9b\x31\r\nTo: <sip:b\xc2\x9b@b>\r\n",
                                        "INVITE sip:b\xe2\x80\xaeob@b.example SIP/2.0");
  REQUIRE(info.sip);
  CHECK(info.sip->from_user == "al\uFFFD[31mice");
  CHECK(info.sip->from_tag == "\uFFFD1");
  CHECK(info.sip->to_user == "b\uFFFD");
  CHECK(info.line == "Request: INVITE sip:b\uFFFDob@b.example");
  for (const std::string* text : {&info.line, &info.sip->from_uri, &info.sip->to_uri}) CHECK(is_utf8(*text));
}

TEST_CASE("A message whose Call-ID is in the next segment is SIP already", "[info]") {
  Describer describer;
  const PacketInfo info = described(
      describer, udp_frame(kAlice, kBob, bytes_of("OPTIONS sip:b.example SIP/2.0\r\nFrom: <sip:al@a>\r\nCall-I")));
  CHECK(info.protocol == "SIP");
  REQUIRE(info.sip);
  CHECK(info.sip->from_user == "al");
  CHECK(info.sip->call_id.empty());
}

TEST_CASE("A long start line is cut where the list's line ends", "[info]") {
  const PacketInfo info = described_sip("", "INVITE sip:" + std::string(1'000, 'b') + "@b.example SIP/2.0");
  CHECK(info.line == "Request: INVITE sip:" + std::string(179, 'b') + "\u2026");
}

TEST_CASE("The access network of RFC 7315 is taken apart", "[info]") {
  const PacketInfo info = described_sip(
      "P-Access-Network-Info: 3GPP-E-UTRAN-FDD; utran-cell-id-3gpp=\"2620;1\"; UE-local-IP-address=192.0.2.9 ;"
      " sbc-domain=a.example, IEEE-802.11;i-wlan-node-id=00aa\r\nP-Visited-Network-ID: \"Visited\"\r\n"
      "P-Asserted-Identity: \"Bob\" <sip:bob@b.example>\r\n");
  REQUIRE(info.sip);
  REQUIRE(info.sip->access_network);
  CHECK(info.sip->access_network->type == "3GPP-E-UTRAN-FDD");
  CHECK(info.sip->access_network->cell_id == "2620;1");
  CHECK(info.sip->access_network->local_ip == "192.0.2.9");
  CHECK(info.sip->access_network->bssid.empty());
  REQUIRE(info.sip->access_network->parameters.size() == 1);
  CHECK(info.sip->access_network->parameters[0] == std::pair<std::string, std::string>("sbc-domain", "a.example"));
  CHECK(info.sip->visited_network_id == "\"Visited\"");
  CHECK(info.sip->asserted_identity == "\"Bob\" <sip:bob@b.example>");
}

TEST_CASE("RTP is known by the session description from its first packet on, and without one from its second",
          "[info]") {
  const Host from{"192.0.2.1", 4000};
  const Host to{"192.0.2.2", 6000};
  Describer describer;
  SECTION("announced") {
    const std::string sdp = "v=0\r\nc=IN IP4 192.0.2.2\r\nm=audio 6000 RTP/AVP 0\r\n";
    described(describer, udp_frame(kAlice, kBob,
                                   bytes_of("INVITE sip:bob@b.example SIP/2.0\r\nCall-ID: one\r\n"
                                            "Content-Type: application/sdp\r\nContent-Length: " +
                                            std::to_string(sdp.size()) + "\r\n\r\n" + sdp)));
    const PacketInfo info = described(describer, udp_frame(from, to, rtp(7)));
    CHECK(info.protocol == "RTP");
    REQUIRE(info.rtp);
    CHECK(info.rtp->ssrc == 0x1234'5678);
    CHECK(info.line == "PT=PCMU, SSRC=0x12345678, Seq=7, Time=1120");
  }
  SECTION("met in the middle of a call") {
    CHECK(described(describer, udp_frame(from, to, rtp(0xffff))).protocol == "UDP");
    CHECK(described(describer, udp_frame(from, to, rtp(0))).protocol == "RTP");
    CHECK(described(describer, udp_frame(from, to, rtp(1, 99))).protocol == "UDP");  // another source
    CHECK(described(describer, udp_frame(from, to, rtp(5000))).protocol == "UDP");   // chance, or a long silence
    CHECK(described(describer, udp_frame(to, from, rtp(5001))).protocol == "UDP");   // the other direction
    CHECK(described(describer, udp_frame(from, to, rtp(5001))).protocol == "RTP");
  }
}

TEST_CASE("What can't be read is named by what is around it", "[info]") {
  Describer describer;
  CHECK(describer.describe(147, Bytes(60)).line == "Link type 147, 60 bytes");
  CHECK(describer.describe(packet::kEthernet, {}).protocol == "Unknown");
  const auto fragments = test::udp_fragments(kAlice, kBob, Bytes(3000), 1480, 0x2a);
  const PacketInfo first = described(describer, fragments[0]);
  CHECK(first.protocol == "UDP");
  CHECK(first.source_port == 5060);
  const PacketInfo second = described(describer, fragments[1]);
  CHECK(second.protocol == "IPv4");
  CHECK(second.transport == "UDP");
  CHECK(second.source_port == 0);
  CHECK(second.line == "Fragment of UDP, offset 1480, id 0x2a");
}
