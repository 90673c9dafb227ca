#include "common/sip/rtp.h"

#include "common/packet/byte_reader.h"

namespace lc::sip {
namespace {

constexpr std::uint8_t kVersionMask = 0xc0;
constexpr std::uint8_t kVersion2 = 0x80;

}  // namespace

bool parse_rtp(std::span<const std::uint8_t> datagram, Rtp& rtp) {
  constexpr std::uint8_t kPadding = 0x20;
  constexpr std::uint8_t kExtension = 0x10;
  packet::ByteReader reader(datagram);
  const std::uint8_t first = reader.u8();
  const std::uint8_t second = reader.u8();
  if ((first & kVersionMask) != kVersion2) return false;
  rtp.marker = (second & 0x80) != 0;
  rtp.payload_type = second & 0x7f;
  if (rtp.payload_type >= 72 && rtp.payload_type <= 76) return false;
  rtp.sequence = reader.u16();
  rtp.timestamp = reader.u32();
  rtp.ssrc = reader.u32();
  reader.skip(std::size_t{4} * (first & 0x0f));
  if ((first & kExtension) != 0) {
    reader.skip(2);
    const std::size_t words = reader.u16();
    reader.skip(4 * words);
  }
  if (!reader.ok()) return false;
  rtp.header_size = reader.position();
  if ((first & kPadding) == 0) return true;
  const auto rest = reader.rest();
  return !rest.empty() && rest.back() != 0 && rest.back() <= rest.size();
}

bool is_rtcp(std::span<const std::uint8_t> datagram) {
  packet::ByteReader reader(datagram);
  const std::uint8_t first = reader.u8();
  const std::uint8_t type = reader.u8();
  const std::size_t words = reader.u16();
  reader.skip(4 * words);
  return reader.ok() && (first & kVersionMask) == kVersion2 && type >= 192 && type <= 223;
}

}  // namespace lc::sip
