// Packets inside packets: IP in IP, GRE, ERSPAN, VXLAN, GTP-U.
#pragma once

#include "common/packet/decode.h"

namespace lc::packet {

/// Whether `outer` carries another IP packet, which is then read into `inner`, with offsets counted from the begin of
/// outer.payload. Known are IPv4 and IPv6 in IP (RFC 2003, 2473, 4213), GRE (RFC 2784, 2890) with IP or Ethernet,
/// ERSPAN types I to III, VXLAN (RFC 7348, UDP port 4789 and 8472) and GTP-U (3GPP TS 29.281, UDP port 2152). The
/// fragment of a datagram carries none; its whole does. Any thread; never throws or allocates; any bytes are allowed.
bool decode_inner(const IpPacket& outer, Decoded& inner);

// https://www.iana.org/assignments/service-names-port-numbers; 8472 is what Linux took before there was a number.
enum TunnelPort : std::uint16_t { kGtpU = 2152, kVxlan = 4789, kLinuxVxlan = 8472 };

/// Of UDP: whether decode_inner() looks for a tunnel there, be it the sender's port or the receiver's. Any thread.
constexpr bool is_tunnel_port(std::uint16_t port) {
  return port == kGtpU || port == kVxlan || port == kLinuxVxlan;
}

/// Whether `icmp` is an error about a UDP packet (RFC 792, RFC 4443 section 3), whose headers are then read into `udp`.
bool decode_quoted_udp(const IpPacket& icmp, IpPacket& udp);

}  // namespace lc::packet
