// decode() with any bytes as any link type: every view lies inside the frame and headers follow each other. The first
// byte chooses the link type, the rest is the frame.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "common/packet/decode.h"
#include "common/packet/packet.h"

namespace {

using lc::packet::Decoded;
using lc::packet::DecodeEnd;

constexpr std::array<std::uint32_t, 12> kLinkTypes = {
    lc::packet::kEthernet, lc::packet::kLinuxSll, lc::packet::kLinuxSll2, lc::packet::kNull,
    lc::packet::kLoop,     lc::packet::kRaw,      lc::packet::kRawDlt,    14 /* OpenBSD's raw IP */,
    lc::packet::kIpv4,     lc::packet::kIpv6,     105 /* unknown here */, 0xffff'ffff};

void require(bool holds) {
  if (!holds) std::abort();
}

void check_tags(const Decoded& decoded, std::size_t size) {
  const auto& tags = decoded.tags;
  if (tags.count == 0) return;
  require(tags.type_offset + 2 <= tags.offset);
  require(tags.end() <= size);
  if (decoded.ip.version != 0) require(tags.end() <= decoded.ip.header_offset);
  for (const std::uint16_t id : tags.ids) require(id <= 0x0fff);
}

void check_ip(const Decoded& decoded, std::span<const std::uint8_t> frame) {
  const auto& ip = decoded.ip;
  if (ip.version == 0) {
    require(ip.payload.empty() && !ip.has_ports && !ip.has_transport);
    require(decoded.end != DecodeEnd::kComplete && decoded.end != DecodeEnd::kFragment);
    return;
  }
  require(ip.version == 4 || ip.version == 6);
  require(ip.source.bytes().size() == (ip.version == 4 ? 4U : 16U));
  require(ip.header_offset + (ip.version == 4 ? 20U : 40U) <= ip.transport_offset);
  require(ip.transport_offset <= frame.size());
  require(ip.payload.data() >= frame.data() + ip.transport_offset);
  require(ip.payload.data() + ip.payload.size() <= frame.data() + frame.size());
  if (ip.has_transport) require(ip.payload.data() >= frame.data() + ip.transport_offset + 4);
  if (ip.fragment_offset != 0) require(!ip.has_ports && !ip.has_transport);
  require((decoded.end == DecodeEnd::kFragment) <= (ip.fragment_offset != 0));
  require(decoded.end != DecodeEnd::kNotIp);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::vector<std::uint8_t> frame(data + 1, data + size);  // of its own, so that AddressSanitizer sees its ends
  const Decoded decoded = lc::packet::decode(kLinkTypes[data[0] % kLinkTypes.size()], frame);
  check_tags(decoded, frame.size());
  check_ip(decoded, frame);
  return 0;
}
