// decode_inner() with any bytes as any tunnel's payload, as deep as it goes: every view lies inside the outer payload,
// and each packet is smaller than the one around it. The first bytes choose the outer header, the rest is its payload.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "common/packet/tunnel.h"
#include "tests/fuzz/packet_pieces.h"

namespace {

using lc::packet::Decoded;

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  lc::fuzz::Pieces pieces(data, size);
  lc::packet::IpPacket outer;
  outer.version = 4;
  outer.protocol = pieces.u8();
  outer.has_ports = outer.has_transport = true;
  outer.source_port = pieces.u16();
  outer.destination_port = pieces.u16();
  const std::vector<std::uint8_t> payload = pieces.bytes(size);
  outer.payload = payload;

  Decoded inner;
  while (lc::packet::decode_inner(outer, inner)) {
    const auto& ip = inner.ip;
    const std::uint8_t* const end = outer.payload.data() + outer.payload.size();
    require(ip.version == 4 || ip.version == 6);
    require(ip.header_offset + (ip.version == 4 ? 20U : 40U) <= ip.transport_offset);
    require(ip.transport_offset <= outer.payload.size());
    require(ip.payload.data() >= outer.payload.data() + ip.transport_offset);
    require(ip.payload.data() + ip.payload.size() <= end);
    require(ip.payload.size() < outer.payload.size());
    if (inner.tags.count != 0) require(inner.tags.end() <= ip.header_offset);
    outer = inner.ip;
  }
  return 0;
}
