// Frames of RFC 6455 section 5.2. Compressed ones (RFC 7692) have a reserved bit set and can't be read.
#include <algorithm>
#include <array>

#include "common/packet/byte_reader.h"
#include "common/sip/message.h"
#include "common/sip/start_line.h"
#include "common/sip/text.h"

namespace lc::sip {
namespace {

using packet::Framing;
using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t kMaxMessage = packet::StreamProtocol{}.max_message;

struct Frame {
  enum class Kind : std::uint8_t { kContinuation, kData, kControl };
  Kind kind = Kind::kData;
  bool last = false;
  std::array<std::uint8_t, 4> mask{};  // zeros: not masked
  std::size_t header_size = 0;
  std::uint64_t payload_size = 0;
};

enum class Reading : std::uint8_t { kWhole, kMore, kImpossible };

Reading read_frame(Bytes bytes, Frame& frame) {
  constexpr std::uint8_t kReserved = 0x70;
  constexpr std::uint8_t kControl = 0x08;
  constexpr std::uint64_t kLongest = 125;  // that the first length field can hold
  packet::ByteReader reader(bytes);
  const std::uint8_t first = reader.u8();
  const std::uint8_t second = reader.u8();
  const std::uint8_t opcode = first & 0x0f;
  frame.last = (first & 0x80) != 0;
  frame.kind = (opcode & kControl) != 0 ? Frame::Kind::kControl
               : opcode == 0            ? Frame::Kind::kContinuation
                                        : Frame::Kind::kData;
  // Text, binary; close, ping, pong.
  if ((first & kReserved) != 0 || (opcode & 0x07) > 2) return Reading::kImpossible;
  frame.payload_size = second & 0x7f;
  if (frame.kind == Frame::Kind::kControl && (!frame.last || frame.payload_size > kLongest)) {
    return Reading::kImpossible;
  }
  // The shortest form must be used.
  if (frame.payload_size == 126) {
    frame.payload_size = reader.u16();
    if (reader.ok() && frame.payload_size <= kLongest) return Reading::kImpossible;
  } else if (frame.payload_size == 127) {
    frame.payload_size = std::uint64_t{reader.u32()} << 32;
    frame.payload_size |= reader.u32();
    if (reader.ok() && (frame.payload_size <= 0xffff || frame.payload_size >> 63 != 0)) return Reading::kImpossible;
  }
  frame.mask = {};
  if ((second & 0x80) != 0) {
    const auto mask = reader.take<4>();
    std::copy(mask.begin(), mask.end(), frame.mask.begin());
  }
  frame.header_size = reader.position();
  return reader.ok() ? Reading::kWhole : Reading::kMore;
}

std::size_t unmask(const Frame& frame, Bytes payload, std::span<std::uint8_t> out) {
  const std::size_t size = std::min(payload.size(), out.size());
  for (std::size_t i = 0; i < size; ++i) out[i] = payload[i] ^ frame.mask[i % 4];
  return size;
}

// Of the frame at the begin of `bytes`, which may hold only a part of it.
Start start_of(const Frame& frame, Bytes bytes) {
  std::array<std::uint8_t, 512> begin;
  const Bytes payload =
      bytes.subspan(frame.header_size, std::min<std::uint64_t>(bytes.size() - frame.header_size, frame.payload_size));
  const std::size_t size = unmask(frame, payload, begin);
  StartLine line;
  const std::string_view text = without_empty_lines(as_text({begin.data(), size}));
  return text.empty() && size < frame.payload_size ? Start::kPossible : read_start_line(text, line);
}

bool begins(Bytes bytes) {
  Frame frame;
  return read_frame(bytes, frame) == Reading::kWhole && frame.kind == Frame::Kind::kData &&
         frame.payload_size <= kMaxMessage && start_of(frame, bytes) >= Start::kLikely;
}

Framing frame(Bytes bytes) {
  std::size_t at = 0;
  bool in_message = false;
  while (true) {
    Frame frame;
    const Bytes rest = bytes.subspan(at);
    const Reading reading = read_frame(rest, frame);
    if (reading == Reading::kMore) return {Framing::Kind::kMore, 0};
    if (reading == Reading::kImpossible || frame.payload_size > kMaxMessage) return {Framing::Kind::kLost, 0};
    const std::size_t size = frame.header_size + frame.payload_size;
    const bool data = frame.kind == Frame::Kind::kData;
    if (in_message && data) return {Framing::Kind::kLost, 0};
    const bool wanted = in_message || (data && start_of(frame, rest) != Start::kNone);
    if (size > rest.size()) return {Framing::Kind::kMore, 0};
    at += size;
    if (!wanted) return {Framing::Kind::kSkip, at};
    in_message = true;
    if (frame.last && frame.kind != Frame::Kind::kControl) return {Framing::Kind::kMessage, at};
  }
}

}  // namespace

packet::StreamProtocol websocket_protocol() {
  return {&begins, &frame, kMaxMessage};
}

Bytes websocket_payload(Bytes bytes, std::span<std::uint8_t> room) {
  std::size_t size = 0;
  while (!bytes.empty()) {
    Frame frame;
    if (read_frame(bytes, frame) != Reading::kWhole || frame.payload_size > bytes.size() - frame.header_size) return {};
    if (frame.kind != Frame::Kind::kControl) {
      size += unmask(frame, bytes.subspan(frame.header_size, frame.payload_size), room.subspan(size));
    }
    bytes = bytes.subspan(frame.header_size + frame.payload_size);
  }
  return room.first(size);
}

}  // namespace lc::sip
