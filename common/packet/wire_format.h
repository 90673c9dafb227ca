// The few rules of protobuf's encoding that batches need (https://protobuf.dev/programming-guides/encoding/).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace lc::packet::wire_format {

// Field numbers of lippycat.data.PacketBatch, CapturedPacket and BatchStats.
enum BatchField : std::uint32_t {
  kHunterId = 1,
  kSequence = 2,
  kBatchTimestamp = 3,
  kPackets = 4,
  kStats = 5,
  kEpoch = 100,
  kFilterRevision = 101
};
enum PacketField : std::uint32_t {
  kData = 1,
  kTimestamp = 2,
  kCaptureLength = 3,
  kOriginalLength = 4,
  kInterfaceIndex = 5,
  kLinkType = 6,
  kMetadata = 7,
  kInterfaceName = 8,
  kMatchedFilterIds = 9
};
enum StatsField : std::uint32_t { kTotalCaptured = 1, kFilteredMatched = 2, kDropped = 3, kBufferUsage = 4 };

enum WireType : std::uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kGroupStart = 3, kGroupEnd = 4, kFixed32 = 5 };

constexpr std::size_t varint_size(std::uint64_t value) {
  return (static_cast<std::size_t>(std::bit_width(value | 1)) * 9 + 64) / 64;
}

inline std::uint8_t* put_varint(std::uint8_t* out, std::uint64_t value) {
  while (value >= 0x80) {
    *out++ = static_cast<std::uint8_t>(value | 0x80);
    value >>= 7;
  }
  *out++ = static_cast<std::uint8_t>(value);
  return out;
}

inline std::uint8_t* put_tag(std::uint8_t* out, std::uint32_t field, WireType type) {
  return put_varint(out, (field << 3) | type);
}

/// Nothing is written for 0: proto3 leaves defaults out.
inline std::uint8_t* put_number(std::uint8_t* out, std::uint32_t field, std::uint64_t value) {
  return value == 0 ? out : put_varint(put_tag(out, field, kVarint), value);
}

inline std::uint8_t* put_bytes(std::uint8_t* out, std::uint32_t field, const void* data, std::size_t size) {
  if (size == 0) return out;
  out = put_varint(put_tag(out, field, kBytes), size);
  std::memcpy(out, data, size);
  return out + size;
}

inline std::string_view as_text(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct Shape;
struct SubMessage {
  std::uint32_t field = 0;
  const Shape* shape = nullptr;
};

/// Those fields of a message whose content the generated parser checks although nobody here reads it.
struct Shape {
  std::uint32_t texts = 0;  // bit n: field n is a string
  std::span<const SubMessage> messages;
};

/// Reads a message field by field, exactly as strictly as protobuf's own parser for C++. A false return is final.
class Reader {
 public:
  /// `level`: how many messages are around this one; protobuf allows 100 levels.
  explicit Reader(std::span<const std::uint8_t> message, std::size_t level = 0)
      : at_(message.data()), end_(message.data() + message.size()), level_(level) {}

  [[nodiscard]] bool done() const { return at_ == end_; }
  [[nodiscard]] const std::uint8_t* position() const { return at_; }

  bool varint(std::uint64_t& value) {
    if (at_ != end_ && *at_ < 0x80) [[likely]] {
      value = *at_++;
      return true;
    }
    return end_ - at_ >= 10 && std::endian::native == std::endian::little ? swift_varint(value) : long_varint(value);
  }

  bool tag(std::uint32_t& field, WireType& type) {
    const std::uint8_t* const start = at_;
    std::uint64_t value = 0;
    // A tag has 32 bits in at most five bytes; what the fifth has beyond them is ignored, as by protobuf.
    if (!varint(value) || at_ - start > 5) return false;
    field = static_cast<std::uint32_t>(value) >> 3;
    if (field == 0) return false;
    type = static_cast<WireType>(value & 7);
    return true;
  }

  bool bytes(std::span<const std::uint8_t>& value) {
    const std::uint8_t* const start = at_;
    std::uint64_t size = 0;
    if (!varint(size) || at_ - start > 5 || size > static_cast<std::uint64_t>(end_ - at_)) return false;
    value = {at_, static_cast<std::size_t>(size)};
    at_ += size;
    return true;
  }

  /// Skips these bytes if they come next.
  bool skip_same(std::span<const std::uint8_t> known) {
    if (known.size() > static_cast<std::size_t>(end_ - at_)) return false;
    if (std::memcmp(at_, known.data(), known.size()) != 0) return false;
    at_ += known.size();
    return true;
  }

  /// Skips the value of an unknown field whose tag was just read.
  bool skip(std::uint32_t field, WireType type);

  /// The same for a message of this shape: its texts and submessages must be what the generated parser would take.
  bool skip(std::uint32_t field, WireType type, const Shape& shape);

 private:
  bool long_varint(std::uint64_t& value);
  bool skip_group(std::uint32_t field);

  // Eight bytes at once, for little-endian machines and at least ten bytes left: each packet has a timestamp of nine.
  bool swift_varint(std::uint64_t& value) {
    std::uint64_t word = 0;
    std::memcpy(&word, at_, sizeof word);
    const std::uint64_t ends = ~word & 0x8080'8080'8080'8080;
    if (ends != 0) word &= ends ^ (ends - 1);  // what is up to the lowest end
    word &= 0x7f7f'7f7f'7f7f'7f7f;
    word = (word & 0x007f'007f'007f'007f) | ((word & 0x7f00'7f00'7f00'7f00) >> 1);
    word = (word & 0x0000'3fff'0000'3fff) | ((word & 0x3fff'0000'3fff'0000) >> 2);
    word = (word & 0x0000'0000'0fff'ffff) | ((word & 0x0fff'ffff'0000'0000) >> 4);
    if (ends != 0) {
      at_ += std::countr_zero(ends) / 8 + 1;
      value = word;
      return true;
    }
    word |= static_cast<std::uint64_t>(at_[8] & 0x7f) << 56;
    if (at_[8] < 0x80) {
      at_ += 9;
    } else {
      if (at_[9] >= 0x80) return false;  // longer than any varint
      word |= static_cast<std::uint64_t>(at_[9]) << 63;
      at_ += 10;
    }
    value = word;
    return true;
  }

  const std::uint8_t* at_;
  const std::uint8_t* end_;
  std::size_t level_;
};

}  // namespace lc::packet::wire_format
