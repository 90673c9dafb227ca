#include "common/packet/decode.h"

#include "common/packet/byte_reader.h"
#include "common/packet/decode_ip.h"
#include "common/packet/packet.h"

namespace lc::packet {
namespace {

constexpr std::uint32_t kRawDltOpenBsd = 14;
constexpr std::uint32_t kMaxTags = 8;

// https://www.iana.org/assignments/ieee-802-numbers
enum EtherType : std::uint16_t {
  kMaxLength = 1500,  // up to here the field is IEEE 802.3's length, and LLC follows
  kTypeIpv4 = 0x0800,
  kTypeVlan = 0x8100,
  kTypeIpv6 = 0x86dd,
  kTypePppoeSession = 0x8864,
  kTypeServiceVlan = 0x88a8,
  kTypeOldQinq = 0x9100,
};

// https://www.tcpdump.org/linktypes/LINKTYPE_RAW.html: the version field tells which.
DecodeEnd decode_raw(std::span<const std::uint8_t> frame, IpPacket& ip) {
  if (frame.empty()) return DecodeEnd::kTruncated;
  switch (frame[0] >> 4) {
    case 4:
      return decode_ipv4(frame, 0, ip);
    case 6:
      return decode_ipv6(frame, 0, ip);
    default:
      return DecodeEnd::kNotIp;
  }
}

// https://www.tcpdump.org/linktypes/LINKTYPE_NULL.html and LINKTYPE_LOOP.html: the AF_ value of the capturing system,
// in its byte order or the network's. All are below 256, so one of the outer bytes holds it.
DecodeEnd decode_address_family(std::span<const std::uint8_t> frame, IpPacket& ip) {
  ByteReader reader(frame);
  const std::uint32_t value = reader.u32();
  if (!reader.ok()) return DecodeEnd::kTruncated;
  switch ((value & 0x00ffffff) == 0 ? value >> 24 : value) {
    case 2:
      return decode_ipv4(frame, reader.position(), ip);
    case 10:  // Linux
    case 24:  // NetBSD, OpenBSD
    case 28:  // FreeBSD
    case 30:  // Darwin
      return decode_ipv6(frame, reader.position(), ip);
    default:
      return DecodeEnd::kNotIp;
  }
}

// RFC 2516 section 4. IP's own length bounds the packet, so PPPoE's is not needed.
DecodeEnd decode_pppoe_session(std::span<const std::uint8_t> frame, ByteReader reader, IpPacket& ip) {
  reader.skip(1);  // version and type
  const std::uint8_t code = reader.u8();
  reader.skip(4);  // session id, length
  const std::uint16_t ppp_protocol = reader.u16();
  if (!reader.ok()) return DecodeEnd::kTruncated;
  if (code != 0) return DecodeEnd::kNotIp;
  switch (ppp_protocol) {
    case 0x0021:  // RFC 1332
      return decode_ipv4(frame, reader.position(), ip);
    case 0x0057:  // RFC 5072
      return decode_ipv6(frame, reader.position(), ip);
    default:
      return DecodeEnd::kNotIp;
  }
}

bool is_tag(std::uint16_t type) {
  return type == kTypeVlan || type == kTypeServiceVlan || type == kTypeOldQinq;
}

/// A link header with an EtherType at `type_offset`, whose payload begins at `data_offset`.
DecodeEnd decode_typed(std::span<const std::uint8_t> frame, std::size_t type_offset, std::size_t data_offset,
                       Decoded& out) {
  ByteReader reader(frame, data_offset);
  if (!reader.ok()) return DecodeEnd::kTruncated;
  std::uint16_t type = ByteReader(frame, type_offset).u16();

  out.tags.type_offset = static_cast<std::uint32_t>(type_offset);
  out.tags.offset = static_cast<std::uint32_t>(data_offset);
  while (is_tag(type)) {  // IEEE 802.1Q clause 9
    if (out.tags.count == kMaxTags) return DecodeEnd::kUnsupported;
    const std::uint16_t control = reader.u16();
    type = reader.u16();
    if (!reader.ok()) return DecodeEnd::kTruncated;
    if (out.tags.count < LinkTags::kMaxIds) out.tags.ids[out.tags.count] = control & 0x0fff;
    ++out.tags.count;
  }

  if (type <= kMaxLength) {  // IEEE 802.2 with SNAP, as RFC 1042 has it
    const std::uint16_t service_access_points = reader.u16();
    if (!reader.ok()) return DecodeEnd::kTruncated;
    if (service_access_points != 0xaaaa) return DecodeEnd::kNotIp;
    const std::uint32_t control_and_organization = reader.u32();
    type = reader.u16();
    if (!reader.ok()) return DecodeEnd::kTruncated;
    if (control_and_organization != 0x03000000) return DecodeEnd::kNotIp;
  }

  switch (type) {
    case kTypeIpv4:
      return decode_ipv4(frame, reader.position(), out.ip);
    case kTypeIpv6:
      return decode_ipv6(frame, reader.position(), out.ip);
    case kTypePppoeSession:
      return decode_pppoe_session(frame, reader, out.ip);
    default:
      return DecodeEnd::kNotIp;
  }
}

DecodeEnd decode_link(std::uint32_t link_type, std::span<const std::uint8_t> frame, Decoded& out) {
  switch (link_type) {
    case kEthernet:
      return decode_typed(frame, 12, 14, out);
    case kLinuxSll:  // https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html
      return decode_typed(frame, 14, 16, out);
    case kLinuxSll2:  // https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html
      return decode_typed(frame, 0, 20, out);
    case kRaw:
    case kRawDlt:
    case kRawDltOpenBsd:
      return decode_raw(frame, out.ip);
    case kIpv4:
      return decode_ipv4(frame, 0, out.ip);
    case kIpv6:
      return decode_ipv6(frame, 0, out.ip);
    case kNull:
    case kLoop:
      return decode_address_family(frame, out.ip);
    default:
      return DecodeEnd::kUnsupported;
  }
}

}  // namespace

Decoded decode(std::uint32_t link_type, std::span<const std::uint8_t> frame) {
  Decoded out;
  out.end = decode_link(link_type, frame, out);
  return out;
}

std::string_view name_of(DecodeEnd end) {
  constexpr std::array<std::string_view, 6> kNames = {"complete",  "not_ip",   "truncated",
                                                      "malformed", "fragment", "unsupported"};
  return kNames[static_cast<std::size_t>(end)];
}

}  // namespace lc::packet
