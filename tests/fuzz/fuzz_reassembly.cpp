// Any packets, most of them made fragments of a few datagrams: every frame comes back exactly once, and each result's
// payload can be read. A packet is a control byte, its size, and its bytes.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <set>
#include <vector>

#include "common/packet/packet.h"
#include "common/packet/reassembly.h"
#include "tests/fuzz/packet_pieces.h"

namespace {

using lc::packet::Decoded;
using lc::packet::FrameId;
using lc::packet::Reassembler;

void require(bool holds) {
  if (!holds) std::abort();
}

/// An IPv4 or IPv6 fragment of one of four datagrams, or just anything.
std::vector<std::uint8_t> packet(lc::fuzz::Pieces& pieces) {
  const std::uint8_t control = pieces.u8();
  const std::uint8_t place = pieces.u8();
  const std::uint8_t protocol = pieces.u8();
  std::vector<std::uint8_t> bytes = pieces.bytes(pieces.u8());
  const auto id = static_cast<std::uint8_t>(control & 3);
  const auto more = static_cast<std::uint8_t>(control >> 2 & 1);
  if ((control & 0xc0) == 0) return bytes;
  std::vector<std::uint8_t> headers;
  if ((control & 0x80) != 0) {
    const auto size = static_cast<std::uint8_t>(20 + bytes.size());
    headers = {0x45, 0, 0, size, 0, id, static_cast<std::uint8_t>(more << 5), place, 64, protocol};
    headers.resize(20);
  } else {
    const std::size_t size = 8 + bytes.size();
    headers = {0x60, 0, 0, 0, static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size), 44, 64};
    headers.resize(40);
    headers.insert(headers.end(), {protocol, 0, static_cast<std::uint8_t>(place >> 5),
                                   static_cast<std::uint8_t>(place << 3 | more), 0, 0, 0, id});
  }
  bytes.insert(bytes.begin(), headers.begin(), headers.end());
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  lc::fuzz::Pieces pieces(data, size);
  std::multiset<FrameId> kept;
  volatile std::uint8_t seen = 0;
  const auto take = [&](const Reassembler::Datagram& datagram) {
    require(datagram.ip.version == 4 || datagram.ip.version == 6);
    require(datagram.ip.payload.size() <= 65'535);
    for (const FrameId frame : datagram.frames) require(kept.erase(frame) == 1);
    for (const std::uint8_t byte : datagram.ip.payload) seen = byte;
  };
  Reassembler reassembler({.bytes = 4096, .datagrams = 5, .age_ns = 1000}, take);
  FrameId last = 0;
  std::int64_t now_ns = 0;
  while (!pieces.empty()) {
    now_ns += pieces.u8();
    const std::vector<std::uint8_t> frame = packet(pieces);
    const Decoded decoded = lc::packet::decode(lc::packet::kRaw, frame);
    if (decoded.ip.version == 0 || !decoded.ip.is_fragment()) continue;
    kept.insert(++last);
    const Reassembler::Datagram* const whole = reassembler.add(decoded.ip, last, now_ns);
    if (whole != nullptr) {
      require(whole->whole);
      take(*whole);
    }
  }
  reassembler.expire(std::numeric_limits<std::int64_t>::max());
  require(kept.empty());
  return 0;
}
