#include "common/info/link_info.h"

#include "common/info/line.h"
#include "common/packet/byte_reader.h"

namespace lc::info {
namespace {

using packet::ByteReader;
using Bytes = std::span<const std::uint8_t>;

// https://www.iana.org/assignments/ieee-802-numbers
constexpr std::uint16_t kMaxLength = 1500;  // up to here the field is IEEE 802.3's length, and LLC follows
constexpr std::uint16_t kTypeArp = 0x0806;

std::string_view protocol_of(std::uint16_t ether_type) {
  switch (ether_type) {
    case 0x0800:
      return "IPv4";
    case 0x86dd:
      return "IPv6";
    case 0x8847:
    case 0x8848:
      return "MPLS";
    case 0x8863:
      return "PPPoED";
    case 0x8864:
      return "PPP";
    case 0x888e:
      return "EAPOL";
    case 0x88cc:
      return "LLDP";
    default:
      return "Ethernet";
  }
}

std::string hardware_address(Bytes bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) {
    append(text, text.empty() ? "" : ":", Hex{byte, 2});
  }
  return text;
}

// RFC 826, for IPv4 on Ethernet; announcements are RFC 5227's.
std::string arp_line(Bytes packet) {
  constexpr std::uint64_t kIpv4OnEthernet = 0x0001'0800'0604;
  ByteReader reader(packet);
  const std::uint64_t kind = std::uint64_t{reader.u32()} << 16 | reader.u16();
  const std::uint16_t operation = reader.u16();
  const std::string sender_hardware = hardware_address(reader.take<6>());
  const packet::IpAddress sender(reader.take<4>());
  reader.skip(6);
  const packet::IpAddress target(reader.take<4>());
  if (!reader.ok() || kind != kIpv4OnEthernet) return "Address resolution of another kind, or cut short";
  if (operation == 1 && sender == target) return join("ARP Announcement for ", sender.text());
  if (operation == 1) return join("Who has ", target.text(), "? Tell ", sender.text());
  if (operation == 2) return join(sender.text(), " is at ", sender_hardware);
  return join("Operation ", operation);
}

}  // namespace

void describe_link(std::uint32_t link_type, Bytes frame, const packet::Decoded& decoded, PacketInfo& info) {
  const packet::LinkTags& tags = decoded.tags;
  if (decoded.end == packet::DecodeEnd::kUnsupported || tags.offset == 0) {  // no EtherType
    info.protocol = "Unknown";
    info.line = join("Link type ", link_type, ", ", frame.size(), " bytes");
    return;
  }
  const std::uint16_t type = ByteReader(frame, tags.count == 0 ? tags.type_offset : tags.end() - 2).u16();
  const Bytes payload = ByteReader(frame, tags.end()).rest();
  if (type == kTypeArp) {
    info.protocol = "ARP";
    info.line = arp_line(payload);
  } else if (type <= kMaxLength) {
    const std::uint16_t service_access_points = ByteReader(payload).u16();
    const bool is_spanning_tree = service_access_points == 0x4242;  // IEEE 802.1D section 9.3
    info.protocol = is_spanning_tree ? "STP" : "LLC";
    info.line = is_spanning_tree ? std::string("Spanning tree")
                                 : join("Service access points 0x", Hex{service_access_points, 4});
  } else {
    info.protocol = protocol_of(type);
    info.line = join("EtherType 0x", Hex{type, 4}, ", ", payload.size(), " bytes");
  }
}

}  // namespace lc::info
