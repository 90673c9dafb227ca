#include "processord/engine/virtual_frame.h"

#include <algorithm>

#include "common/packet/byte_reader.h"
#include "common/packet/decode.h"

namespace lc::processor {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::uint16_t kLeastEtherType =
    0x600;  // below are lengths and what Linux makes up for packets without a type
constexpr std::uint16_t kTypeIpv4 = 0x0800;
constexpr std::uint16_t kTypeIpv6 = 0x86dd;
constexpr std::size_t kIpv6HeaderBytes = 40;

/// From 02:00:00:00:00:01 to 02:00:00:00:00:02, both locally administered.
VirtualFrame in_ethernet(std::uint16_t ether_type, Bytes payload) {
  return {.made_up = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, static_cast<std::uint8_t>(ether_type >> 8),
                      static_cast<std::uint8_t>(ether_type & 0xff)},
          .header_size = VirtualFrame::kHeaderBytes,
          .bytes = payload};
}

/// By IP's own length field; 0 means the rest of the frame, as decode() has it.
Bytes ip_packet(Bytes frame, const packet::IpPacket& ip) {
  const Bytes rest = frame.subspan(ip.header_offset);
  std::size_t length = packet::ByteReader(rest, ip.version == 4 ? 2 : 4).u16();
  if (length == 0) return rest;
  if (ip.version == 6) length += kIpv6HeaderBytes;
  return rest.first(std::min(length, rest.size()));
}

std::variant<VirtualFrame, NotInjected> ethernet_frame(std::uint32_t link_type, Bytes frame) {
  if (link_type == packet::kEthernet) {
    if (frame.size() < VirtualFrame::kHeaderBytes) return NotInjected::kTruncated;
    return VirtualFrame{.bytes = frame};
  }
  const packet::Decoded decoded = packet::decode(link_type, frame);
  // Link headers with an EtherType have a place for tags, and everything behind the type stays as it is.
  if (decoded.tags.offset != 0) {
    const std::uint16_t type = packet::ByteReader(frame, decoded.tags.type_offset).u16();
    if (type < kLeastEtherType) return NotInjected::kNotIp;
    return in_ethernet(type, frame.subspan(decoded.tags.offset));
  }
  if (decoded.ip.version == 0) return NotInjected::kNotIp;
  return in_ethernet(decoded.ip.version == 4 ? kTypeIpv4 : kTypeIpv6, ip_packet(frame, decoded.ip));
}

std::variant<VirtualFrame, NotInjected> bare_packet(std::uint32_t link_type, Bytes frame) {
  const packet::Decoded decoded = packet::decode(link_type, frame);
  if (decoded.ip.version == 0) return NotInjected::kNotIp;
  return VirtualFrame{.bytes = ip_packet(frame, decoded.ip)};
}

}  // namespace

std::string_view name_of(NotInjected reason) {
  constexpr std::array<std::string_view, kNotInjectedReasons> kNames = {"queue", "not_ip", "truncated", "too_long",
                                                                        "refused"};
  return kNames[static_cast<std::size_t>(reason)];
}

std::variant<VirtualFrame, NotInjected> virtual_frame(VirtualInterfaceType type, std::uint32_t link_type,
                                                      const packet::PacketView& packet) {
  if (packet.captured < packet.original) return NotInjected::kTruncated;
  const Bytes frame(packet.data, packet.captured);
  std::variant<VirtualFrame, NotInjected> made =
      type == VirtualInterfaceType::kTap ? ethernet_frame(link_type, frame) : bare_packet(link_type, frame);
  if (const auto* whole = std::get_if<VirtualFrame>(&made);
      whole != nullptr && whole->header_size + whole->bytes.size() > kMaxVirtualFrameBytes) {
    return NotInjected::kTooLong;
  }
  return made;
}

}  // namespace lc::processor
