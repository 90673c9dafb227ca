#include "common/packet/tunnel.h"

#include <optional>

#include "common/packet/byte_reader.h"
#include "common/packet/decode_ip.h"
#include "common/packet/packet.h"

namespace lc::packet {
namespace {

using Bytes = std::span<const std::uint8_t>;

// https://www.iana.org/assignments/protocol-numbers
enum Protocol : std::uint8_t { kIcmp = 1, kIpv4InIp = 4, kUdp = 17, kIpv6InIp = 41, kGre = 47, kIcmpv6 = 58 };

// https://www.iana.org/assignments/ieee-802-numbers, and https://www.iana.org/assignments/gre-parameters
enum GreProtocol : std::uint16_t {
  kTypeIpv4 = 0x0800,
  kTypeErspan3 = 0x22eb,
  kTypeEthernet = 0x6558,
  kTypeIpv6 = 0x86dd,
  kTypePpp = 0x880b,
  kTypeErspan = 0x88be,
};

using Inner = std::optional<Decoded>;

Inner if_ip(Decoded decoded) {
  if (decoded.ip.version == 0) return std::nullopt;
  return decoded;
}

Inner ip_at(Bytes bytes, std::size_t offset) {
  const std::uint8_t version = ByteReader(bytes, offset).u8() >> 4;
  Decoded inner;
  if (version == 4) {
    inner.end = decode_ipv4(bytes, offset, inner.ip);
  } else if (version == 6) {
    inner.end = decode_ipv6(bytes, offset, inner.ip);
  }
  return if_ip(inner);
}

Inner ethernet_at(Bytes bytes, std::size_t offset) {
  if (offset > bytes.size()) return std::nullopt;
  Decoded inner = decode(kEthernet, bytes.subspan(offset));
  const auto shift = static_cast<std::uint32_t>(offset);
  inner.tags.type_offset += shift;
  inner.tags.offset += shift;
  inner.ip.header_offset += shift;
  inner.ip.transport_offset += shift;
  return if_ip(inner);
}

// RFC 2637 section 4.1. PPP may leave out its address and control fields, and the protocol's first byte when that is 0
// (RFC 1661 section 6).
Inner enhanced_gre(Bytes bytes, std::uint16_t flags, ByteReader reader) {
  if (reader.u16() != kTypePpp || (flags & 0x2000) == 0) return std::nullopt;
  reader.skip(4);                             // payload length, call id
  if ((flags & 0x1000) != 0) reader.skip(4);  // sequence number
  if ((flags & 0x0080) != 0) reader.skip(4);  // acknowledgement
  ByteReader behind_address = reader;
  if (behind_address.u16() == 0xff03) reader = behind_address;
  std::uint16_t ppp_protocol = reader.u8();
  if ((ppp_protocol & 1) == 0) ppp_protocol = static_cast<std::uint16_t>(ppp_protocol << 8 | reader.u8());
  const bool is_ip = ppp_protocol == 0x0021 || ppp_protocol == 0x0057;  // RFC 1332, RFC 5072
  return reader.ok() && is_ip ? ip_at(bytes, reader.position()) : std::nullopt;
}

// draft-foschiano-erspan-03: type I is GRE without a sequence number and has no header of its own; type II's has
// 8 bytes, type III's 12, and 8 more when its last bit is set.
Inner erspan2(Bytes bytes, std::size_t offset, bool has_sequence) {
  return ethernet_at(bytes, has_sequence ? offset + 8 : offset);
}

Inner erspan3(Bytes bytes, std::size_t offset) {
  ByteReader reader(bytes, offset);
  reader.skip(8);  // version, VLAN, session; time
  const std::uint32_t last_word = reader.u32();
  if ((last_word & 1) != 0) reader.skip(8);
  if (!reader.ok()) return std::nullopt;
  const std::uint32_t frame_type = last_word >> 10 & 0x1f;
  return frame_type == 2 ? ip_at(bytes, reader.position()) : ethernet_at(bytes, reader.position());
}

// RFC 2784 section 2, RFC 2890 section 2. A routing field (RFC 1701) must not be there any more.
Inner gre(Bytes bytes) {
  ByteReader reader(bytes);
  const std::uint16_t flags = reader.u16();
  const std::uint16_t version = flags & 7;
  if (version == 1) return enhanced_gre(bytes, flags, reader);
  const std::uint16_t type = reader.u16();
  if ((flags & 0x8000) != 0) reader.skip(4);  // checksum
  if ((flags & 0x2000) != 0) reader.skip(4);  // key
  const bool has_sequence = (flags & 0x1000) != 0;
  if (has_sequence) reader.skip(4);
  if (!reader.ok() || version != 0 || (flags & 0x4000) != 0) return std::nullopt;
  switch (type) {
    case kTypeIpv4:
    case kTypeIpv6:
      return ip_at(bytes, reader.position());
    case kTypeEthernet:
      return ethernet_at(bytes, reader.position());
    case kTypeErspan:
      return erspan2(bytes, reader.position(), has_sequence);
    case kTypeErspan3:
      return erspan3(bytes, reader.position());
    default:
      return std::nullopt;
  }
}

// RFC 7348 section 5.
Inner vxlan(Bytes bytes) {
  ByteReader reader(bytes);
  const bool has_id = (reader.u8() & 0x08) != 0;
  reader.skip(7);
  return reader.ok() && has_id ? ethernet_at(bytes, reader.position()) : std::nullopt;
}

// 3GPP TS 29.281 sections 5.1 and 5.2. Only G-PDU carries a user's packet.
Inner gtp_u(Bytes bytes) {
  constexpr std::uint8_t kGPdu = 255;
  ByteReader reader(bytes);
  const std::uint8_t flags = reader.u8();
  const std::uint8_t type = reader.u8();
  reader.skip(6);  // length, tunnel endpoint
  if (!reader.ok() || (flags & 0xf0) != 0x30 || type != kGPdu) return std::nullopt;
  if ((flags & 0x07) != 0) {
    reader.skip(3);  // sequence number, N-PDU number
    std::uint8_t extension = reader.u8();
    if ((flags & 0x04) == 0) extension = 0;
    while (extension != 0) {
      const std::size_t size = std::size_t{reader.u8()} * 4;  // the length field and the next type are within
      if (size == 0) return std::nullopt;                     // and what does not fit any more reads as 0
      reader.skip(size - 2);
      extension = reader.u8();
    }
  }
  return reader.ok() ? ip_at(bytes, reader.position()) : std::nullopt;
}

/// Apart from decode_inner(), so that packets without a tunnel pay for no Decoded.
[[gnu::noinline]] bool read(Inner (*tunnel)(Bytes), const IpPacket& outer, Decoded& inner) {
  const Inner found = tunnel(outer.payload);
  if (found) inner = *found;  // not before: `outer` may be within `inner`
  return found.has_value();
}

bool is_vxlan_port(std::uint16_t port) {
  return port == kVxlan || port == kLinuxVxlan;
}

}  // namespace

bool decode_inner(const IpPacket& outer, Decoded& inner) {
  switch (outer.protocol) {
    case kUdp:
      if (!outer.has_transport || outer.is_fragment()) return false;
      if (is_vxlan_port(outer.destination_port) || is_vxlan_port(outer.source_port)) return read(vxlan, outer, inner);
      if (outer.destination_port == kGtpU || outer.source_port == kGtpU) return read(gtp_u, outer, inner);
      return false;
    case kGre:
      return !outer.is_fragment() && read(gre, outer, inner);
    case kIpv4InIp:
    case kIpv6InIp:
      return !outer.is_fragment() && read([](Bytes bytes) { return ip_at(bytes, 0); }, outer, inner);
    default:
      return false;
  }
}

bool decode_quoted_udp(const IpPacket& icmp, IpPacket& udp) {
  constexpr std::size_t kUnused = 4;  // in front of the packet
  if (icmp.protocol != kIcmp && icmp.protocol != kIcmpv6) return false;
  if (!icmp.has_transport || icmp.payload.size() <= kUnused) return false;
  const std::uint8_t type = icmp.icmp_type;
  const bool is_error = icmp.version == 4 ? type == 3 || type == 11 || type == 12 : type >= 1 && type <= 4;
  if (!is_error) return false;
  const Bytes packet = icmp.payload.subspan(kUnused);
  if (icmp.version == 4) {
    decode_ipv4(packet, 0, udp);
  } else {
    decode_ipv6(packet, 0, udp);
  }
  return udp.version != 0 && udp.protocol == kUdp && udp.has_ports;
}

}  // namespace lc::packet
