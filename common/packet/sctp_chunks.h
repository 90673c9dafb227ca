// The chunks of an SCTP packet (RFC 9260 section 3.2).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "common/packet/byte_reader.h"

namespace lc::packet {

struct SctpChunk {
  // RFC 9260 section 3.3.1.
  static constexpr std::uint8_t kData = 0;
  static constexpr std::uint8_t kEnd = 0x01;
  static constexpr std::uint8_t kBegin = 0x02;
  static constexpr std::uint8_t kUnordered = 0x04;

  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  // Of DATA:
  std::uint32_t number = 0;  // TSN
  std::uint16_t stream = 0;
  std::span<const std::uint8_t> data;
};

/// Goes through a packet's payload; any bytes are allowed.
class SctpChunks {
 public:
  explicit SctpChunks(std::span<const std::uint8_t> payload) : rest_(payload) {}

  /// None: no more, or the next one is malformed, or is DATA that is cut short.
  std::optional<SctpChunk> next() {
    ByteReader reader(rest_);
    SctpChunk chunk;
    chunk.type = reader.u8();
    chunk.flags = reader.u8();
    const std::size_t length = reader.u16();
    if (!reader.ok() || length < 4) return std::nullopt;
    if (chunk.type == SctpChunk::kData) {
      chunk.number = reader.u32();
      chunk.stream = reader.u16();
      reader.skip(6);  // stream sequence number, payload protocol
      if (!reader.ok() || length > rest_.size()) return std::nullopt;
      reader.limit(length);
      chunk.data = reader.rest();
    }
    rest_ = rest_.subspan(std::min((length + 3) / 4 * 4, rest_.size()));
    return chunk;
  }

 private:
  std::span<const std::uint8_t> rest_;
};

}  // namespace lc::packet
