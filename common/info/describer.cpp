#include "common/info/describer.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "common/base/text.h"
#include "common/filter/stream_protocols.h"
#include "common/filter/text_headers.h"
#include "common/info/dns_info.h"
#include "common/info/line.h"
#include "common/info/link_info.h"
#include "common/info/sip_info.h"
#include "common/info/tls_info.h"
#include "common/info/udp_services.h"
#include "common/packet/sctp_chunks.h"
#include "common/packet/tunnel.h"
#include "common/packet/wire_format.h"
#include "common/sip/rtp.h"

namespace lc::info {
namespace {

using packet::IpPacket;
using packet::wire_format::as_text;

constexpr int kMaxDepth = 4;  // tunnels in tunnels

// https://www.iana.org/assignments/protocol-numbers
enum Protocol : std::uint8_t { kIcmp = 1, kTcp = 6, kUdp = 17, kIcmpv6 = 58, kSctp = 132 };

// https://www.iana.org/assignments/service-names-port-numbers
enum Port : std::uint16_t { kDns = 53, kDhcpServer = 67, kDhcpClient = 68, kNtp = 123, kMdns = 5353, kLlmnr = 5355 };
constexpr std::uint16_t kFirstUserPort = 1024;  // media has none below

std::string_view name_of_protocol(std::uint8_t protocol) {
  switch (protocol) {
    case kIcmp:
      return "ICMP";
    case 2:
      return "IGMP";
    case kTcp:
      return "TCP";
    case kUdp:
      return "UDP";
    case 46:
      return "RSVP";
    case 47:
      return "GRE";
    case 50:
      return "ESP";
    case 51:
      return "AH";
    case kIcmpv6:
      return "ICMPv6";
    case 88:
      return "EIGRP";
    case 89:
      return "OSPF";
    case 103:
      return "PIM";
    case 112:
      return "VRRP";
    case kSctp:
      return "SCTP";
    default:
      return {};
  }
}

bool has_port(const IpPacket& ip, std::uint16_t port) {
  return ip.source_port == port || ip.destination_port == port;
}

void set(PacketInfo& info, std::string_view protocol, std::string line) {
  info.protocol = protocol;
  info.line = std::move(line);
}

bool set_if(PacketInfo& info, std::string_view protocol, std::string line) {
  if (line.empty()) return false;
  set(info, protocol, std::move(line));
  return true;
}

std::string_view first_line(std::string_view text) {
  return text.substr(0, std::min(text.find_first_of("\r\n"), text.size()));
}

// RFC 9293 section 3.1, RFC 3168, RFC 3540.
std::string tcp_line(const IpPacket& tcp) {
  constexpr std::array<std::string_view, 9> kFlags = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "NS"};
  std::string flags;
  for (std::size_t i = 0; i < kFlags.size(); ++i) {
    if ((tcp.tcp.flags >> i & 1) != 0) append(flags, flags.empty() ? "" : ", ", kFlags[i]);
  }
  std::string line = join(tcp.source_port, " -> ", tcp.destination_port, " [", flags, "] Seq=", tcp.tcp.sequence);
  constexpr std::uint16_t kAck = 0x10;
  if ((tcp.tcp.flags & kAck) != 0) append(line, " Ack=", tcp.tcp.acknowledgement);
  append(line, " Len=", tcp.payload.size());
  return line;
}

// RFC 9260 section 3.2.
std::string_view chunk_name(std::uint8_t type) {
  constexpr std::array<std::string_view, 15> kNames = {
      "DATA",          "INIT",       "INIT ACK", "SACK",         "HEARTBEAT",
      "HEARTBEAT ACK", "ABORT",      "SHUTDOWN", "SHUTDOWN ACK", "ERROR",
      "COOKIE ECHO",   "COOKIE ACK", "ECNE",     "CWR",          "SHUTDOWN COMPLETE"};
  return type < kNames.size() ? kNames[type] : std::string_view("other chunk");
}

bool describe_dns(std::span<const std::uint8_t> message, std::string_view protocol, PacketInfo& info) {
  std::optional<DnsInfo> dns = dns_info(message);
  if (!dns) return false;
  set(info, protocol, dns_line(*dns));
  info.dns = std::make_unique<const DnsInfo>(std::move(*dns));
  return true;
}

}  // namespace

PacketInfo Describer::describe(std::uint32_t link_type, Bytes frame) {
  PacketInfo info;
  packet::Decoded decoded = packet::decode(link_type, frame);
  packet::Decoded inner;
  for (int depth = 0; depth < kMaxDepth && packet::decode_inner(decoded.ip, inner); ++depth) decoded = inner;
  if (decoded.ip.version != 0) {
    describe_ip(decoded.ip, info);
  } else {
    describe_link(link_type, frame, decoded, info);
  }
  info.line = terminal_safe(info.line, kLongestLine);
  return info;
}

void Describer::describe_ip(const IpPacket& ip, PacketInfo& info) {
  info.source = ip.source;
  info.destination = ip.destination;
  info.transport = name_of_protocol(ip.protocol);
  if (ip.has_ports) {
    info.source_port = ip.source_port;
    info.destination_port = ip.destination_port;
  }
  const std::string_view version = ip.version == 4 ? "IPv4" : "IPv6";
  if (ip.fragment_offset != 0) {
    const std::string what = info.transport.empty() ? join("protocol ", ip.protocol) : std::string(info.transport);
    set(info, version, join("Fragment of ", what, ", offset ", ip.fragment_offset, ", id 0x", Hex{ip.fragment_id}));
  } else if (!ip.has_transport) {
    if (info.transport.empty()) {
      set(info, version, join("Protocol ", ip.protocol, ", ", ip.payload.size(), " bytes"));
    } else {
      set(info, info.transport, join(ip.payload.size(), " bytes"));
    }
  } else if (ip.protocol == kUdp) {
    describe_udp(ip, info);
  } else if (ip.protocol == kTcp) {
    describe_tcp(ip, info);
  } else if (ip.protocol == kSctp) {
    describe_sctp(ip, info);
  } else {
    set(info, info.transport, icmp_line(ip));
  }
}

void Describer::describe_udp(const IpPacket& udp, PacketInfo& info) {
  const Bytes payload = udp.payload;
  if (describe_sip(payload, info)) return;
  if (has_port(udp, kDns) && describe_dns(payload, "DNS", info)) return;
  if (has_port(udp, kMdns) && describe_dns(payload, "MDNS", info)) return;
  if (has_port(udp, kLlmnr) && describe_dns(payload, "LLMNR", info)) return;
  const bool is_dhcp = has_port(udp, kDhcpServer) || has_port(udp, kDhcpClient);
  if (is_dhcp && set_if(info, "DHCP", dhcp_line(payload))) return;
  if (has_port(udp, kNtp) && set_if(info, "NTP", ntp_line(payload))) return;
  if (std::min(udp.source_port, udp.destination_port) >= kFirstUserPort) {
    if (sip::is_rtcp(payload)) return set(info, "RTCP", rtcp_line(payload));
    if (describe_rtp(udp, info)) return;
  }
  set(info, "UDP", join(udp.source_port, " -> ", udp.destination_port, " Len=", payload.size()));
}

bool Describer::describe_rtp(const IpPacket& udp, PacketInfo& info) {
  sip::Rtp rtp;
  if (!sip::parse_rtp(udp.payload, rtp) || !media_.is_rtp(udp, rtp)) return false;
  set(info, "RTP", rtp_line(rtp));
  info.rtp = RtpInfo{rtp.ssrc, rtp.payload_type, rtp.sequence, rtp.timestamp};
  return true;
}

void Describer::describe_tcp(const IpPacket& tcp, PacketInfo& info) {
  const Bytes payload = tcp.payload;
  set(info, "TCP", tcp_line(tcp));
  if (payload.empty()) return;
  if (describe_sip(payload, info)) return;
  if (describe_websocket(payload, info)) return;
  const std::string_view text = as_text(payload);
  if (filter::begins_http_request(text) || text.starts_with("HTTP/1.")) {
    return set(info, "HTTP", std::string(line_part(first_line(text))));
  }
  if (set_if(info, "TLS", tls_line(payload, hello_, hello_message_))) return;
  constexpr std::size_t kLength = 2;  // RFC 7766 section 8
  if (has_port(tcp, kDns) && filter::dns_protocol().begins(payload)) {
    describe_dns(payload.subspan(kLength), "DNS", info);
  }
}

void Describer::describe_sctp(const IpPacket& sctp, PacketInfo& info) {
  constexpr int kMostNamed = 8;
  packet::SctpChunks chunks(sctp.payload);
  std::string line;
  for (int i = 0; i < kMostNamed; ++i) {
    const auto chunk = chunks.next();
    if (!chunk) break;
    append(line, line.empty() ? "" : ", ", chunk_name(chunk->type));
    const bool begins = chunk->type == packet::SctpChunk::kData && (chunk->flags & packet::SctpChunk::kBegin) != 0;
    if (begins && describe_sip(chunk->data, info)) return;
  }
  set(info, "SCTP", std::move(line));
}

bool Describer::describe_websocket(Bytes bytes, PacketInfo& info) {
  static const packet::StreamProtocol kProtocol = sip::websocket_protocol();
  if (!kProtocol.begins(bytes)) return false;
  const packet::Framing framing = kProtocol.frame(bytes);
  if (framing.kind != packet::Framing::Kind::kMessage) return false;  // goes on in the next segment
  unmasked_.resize(framing.size);
  return describe_sip(sip::websocket_payload(bytes.first(framing.size), unmasked_), info);
}

bool Describer::describe_sip(Bytes bytes, PacketInfo& info) {
  if (!sip::begins_message(bytes)) return false;
  sip::parse_message(bytes, message_);  // false without a Call-ID, which may be in the next segment
  media_.learn(message_.content_type, message_.body);
  set(info, "SIP", sip_line(message_));
  info.sip = std::make_unique<const SipInfo>(sip_info(message_));
  return true;
}

}  // namespace lc::info
