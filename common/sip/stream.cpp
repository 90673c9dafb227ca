#include <algorithm>

#include "common/sip/head.h"
#include "common/sip/message.h"
#include "common/sip/start_line.h"
#include "common/sip/text.h"

namespace lc::sip {
namespace {

using packet::Framing;

constexpr std::size_t kMaxMessage = packet::StreamProtocol{}.max_message;

bool begins(std::span<const std::uint8_t> bytes) {
  StartLine line;
  return read_start_line(without_empty_lines(as_text(bytes)), line) >= Start::kLikely;
}

Framing frame(std::span<const std::uint8_t> bytes) {
  const std::string_view text = as_text(bytes).substr(0, kMaxMessage);
  const std::size_t empty_lines = text.size() - without_empty_lines(text).size();
  if (empty_lines != 0) return {Framing::Kind::kSkip, empty_lines};
  StartLine line;
  const Start start = text.empty() ? Start::kPossible : read_start_line(text, line);
  if (start == Start::kNone) {
    const std::size_t next = find_start_line(text);
    return next == 0 ? Framing{Framing::Kind::kMore, 0} : Framing{Framing::Kind::kSkip, next};
  }
  if (start != Start::kWhole) return {Framing::Kind::kMore, 0};

  Message message;
  HeadExtent extent;
  read_head(text, message, extent);
  // A start line among the headers: this message lost its end, or is a body that quotes one (RFC 3420).
  const std::size_t head_end = extent.end == 0 ? text.size() : extent.end;
  for (std::size_t at = line.size; at < head_end; at = std::min(text.find('\n', at), head_end - 1) + 1) {
    StartLine another;
    if (read_start_line(text.substr(at), another) == Start::kWhole) return {Framing::Kind::kSkip, at};
  }
  if (extent.end == 0) return {Framing::Kind::kMore, 0};
  const std::size_t body = extent.content_length.value_or(0);
  if (body > kMaxMessage - std::min(extent.end, kMaxMessage)) return {Framing::Kind::kSkip, extent.end};
  const std::size_t size = extent.end + body;
  return size <= text.size() ? Framing{Framing::Kind::kMessage, size} : Framing{Framing::Kind::kMore, 0};
}

}  // namespace

packet::StreamProtocol stream_protocol() {
  return {&begins, &frame, kMaxMessage};
}

}  // namespace lc::sip
