#include "common/packet/wire_format.h"

#include <array>

#include "common/base/text.h"

namespace lc::packet::wire_format {
namespace {

// protobuf's default recursion limit (io::CodedInputStream::GetDefaultRecursionLimit); messages and groups count.
constexpr std::size_t kMaxLevel = 100;

bool conforms(std::span<const std::uint8_t> message, const Shape& shape, std::size_t level) {
  Reader reader(message, level);
  while (!reader.done()) {
    std::uint32_t field = 0;
    WireType type{};
    if (!reader.tag(field, type) || !reader.skip(field, type, shape)) return false;
  }
  return true;
}

}  // namespace

bool Reader::long_varint(std::uint64_t& value) {
  std::uint64_t result = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    if (at_ == end_) return false;
    const std::uint8_t byte = *at_++;
    result |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      value = result;
      return true;
    }
  }
  return false;
}

bool Reader::skip(std::uint32_t field, WireType type) {
  std::uint64_t ignored = 0;
  std::span<const std::uint8_t> bytes_ignored;
  switch (type) {
    case kVarint:
      return varint(ignored);
    case kFixed64:
      if (end_ - at_ < 8) return false;
      at_ += 8;
      return true;
    case kBytes:
      return bytes(bytes_ignored);
    case kFixed32:
      if (end_ - at_ < 4) return false;
      at_ += 4;
      return true;
    case kGroupStart:
      return skip_group(field);
    case kGroupEnd:
      break;  // without its start
  }
  return false;
}

bool Reader::skip(std::uint32_t field, WireType type, const Shape& shape) {
  if (type != kBytes) return skip(field, type);
  std::span<const std::uint8_t> content;
  if (!bytes(content)) return false;
  if (field < 32 && ((shape.texts >> field) & 1) != 0) return is_utf8(as_text(content));
  for (const SubMessage& message : shape.messages) {
    if (message.field == field) return conforms(content, *message.shape, level_ + 1);
  }
  return true;
}

bool Reader::skip_group(std::uint32_t field) {
  std::array<std::uint32_t, kMaxLevel> open{};
  std::size_t depth = 0;
  open[depth++] = field;
  while (depth > 0) {
    std::uint32_t inner = 0;
    WireType type = kVarint;
    if (!tag(inner, type)) return false;
    if (type == kGroupEnd) {
      if (open[--depth] != inner) return false;
    } else if (type == kGroupStart) {
      if (depth + level_ >= kMaxLevel) return false;
      open[depth++] = inner;
    } else if (!skip(inner, type)) {
      return false;
    }
  }
  return true;
}

}  // namespace lc::packet::wire_format
