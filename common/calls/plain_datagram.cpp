#include "common/calls/plain_datagram.h"

#include <algorithm>
#include <memory>

#include "common/packet/packet.h"
#include "common/packet/tunnel.h"

namespace lc::calls {
namespace {

constexpr std::uint8_t kUdp = 17;
constexpr std::size_t kTagSize = 4;
constexpr std::size_t kIpv4Size = 20;
constexpr std::size_t kIpv6Size = 40;
constexpr std::size_t kUdpSize = 8;

enum EtherType : std::uint16_t { kTypeIpv4 = 0x0800, kTypeVlan = 0x8100, kTypeIpv6 = 0x86dd };

std::uint16_t u16(const std::uint8_t* at) {
  return static_cast<std::uint16_t>(at[0] << 8 | at[1]);
}

/// Addresses of `size` bytes that stand one behind the other. In place: copying a finished address would stall on the
/// bytes just stored.
template <std::size_t size>
void set_ends(const std::uint8_t* addresses, const std::uint8_t* ports, PlainDatagram& datagram) {
  std::construct_at(&datagram.from.address, std::span<const std::uint8_t, size>(addresses, size));
  std::construct_at(&datagram.to.address, std::span<const std::uint8_t, size>(addresses + size, size));
  datagram.from.port = u16(ports);
  datagram.to.port = u16(ports + 2);
  datagram.hash = stream_hash(datagram.from, datagram.to);
}

/// ::/64 has the IPv4 addresses that are mapped into IPv6, and would have to be unwrapped.
bool may_be_mapped(const std::uint8_t* address) {
  std::uint64_t first_half = 0;
  std::memcpy(&first_half, address, sizeof first_half);
  return first_half == 0;
}

struct Headers {
  const std::uint8_t* ip = nullptr;
  const std::uint8_t* udp = nullptr;
  std::span<const std::uint8_t> payload;
};

bool find_headers(std::uint32_t link_type, std::span<const std::uint8_t> frame, Headers& headers) {
  std::size_t type_at = 0;
  std::size_t ip_at = 0;
  switch (link_type) {
    case packet::kEthernet:
      type_at = 12;
      ip_at = 14;
      break;
    case packet::kLinuxSll:
      type_at = 14;
      ip_at = 16;
      break;
    case packet::kLinuxSll2:
      ip_at = 20;
      break;
    default:
      return false;
  }
  if (frame.size() < ip_at + kTagSize + kIpv4Size + kUdpSize) return false;
  std::uint16_t type = u16(&frame[type_at]);
  if (type == kTypeVlan) {
    type = u16(&frame[ip_at + 2]);
    ip_at += kTagSize;
  }

  const std::uint8_t* const ip = &frame[ip_at];
  const std::size_t captured = frame.size() - ip_at;
  std::size_t header_size = 0;
  std::size_t size = 0;  // of the IP packet, as it says itself
  if (type == kTypeIpv4) {
    const bool is_fragment = (u16(ip + 6) & 0x3fff) != 0;
    if (ip[0] != 0x45 || ip[9] != kUdp || is_fragment) return false;
    header_size = kIpv4Size;
    size = u16(ip + 2);
  } else if (type == kTypeIpv6) {
    if (captured < kIpv6Size + kUdpSize || ip[0] >> 4 != 6 || ip[6] != kUdp) return false;
    if (may_be_mapped(ip + 8) || may_be_mapped(ip + 24)) return false;
    header_size = kIpv6Size;
    size = kIpv6Size + u16(ip + 4);
  } else {
    return false;
  }

  const std::uint8_t* const udp = ip + header_size;
  const std::size_t length = u16(udp + 4);
  if (length < kUdpSize || header_size + length > size) return false;
  if (packet::is_tunnel_port(u16(udp)) || packet::is_tunnel_port(u16(udp + 2))) return false;
  headers = {ip, udp, {udp + kUdpSize, std::min(length, captured - header_size) - kUdpSize}};
  return true;
}

}  // namespace

bool read_plain(std::uint32_t link_type, std::span<const std::uint8_t> frame, PlainDatagram& datagram) {
  Headers headers;
  if (!find_headers(link_type, frame, headers)) return false;
  if (headers.ip[0] >> 4 == 4) {
    set_ends<4>(headers.ip + 12, headers.udp, datagram);
  } else {
    set_ends<16>(headers.ip + 8, headers.udp, datagram);
  }
  datagram.payload = headers.payload;
  return true;
}

std::span<const std::uint8_t> payload_of_plain(std::uint32_t link_type, std::span<const std::uint8_t> frame) {
  Headers headers;
  return find_headers(link_type, frame, headers) ? headers.payload : std::span<const std::uint8_t>();
}

}  // namespace lc::calls
