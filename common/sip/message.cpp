#include "common/sip/message.h"

#include "common/sip/head.h"
#include "common/sip/start_line.h"
#include "common/sip/text.h"

namespace lc::sip {

std::string_view Message::value_of(Identity identity) const {
  for (const Party& party : who()) {
    if (party.identity == identity) return party.value;
  }
  return {};
}

bool begins_message(std::span<const std::uint8_t> bytes) {
  StartLine line;
  return read_start_line(without_empty_lines(as_text(bytes)), line) == Start::kWhole;
}

bool parse_message(std::span<const std::uint8_t> bytes, Message& message) {
  const std::string_view text = without_empty_lines(as_text(bytes));
  HeadExtent extent;
  if (!read_head(text, message, extent) || message.call_id.empty()) return false;
  if (extent.end != 0) message.body = text.substr(extent.end, extent.content_length.value_or(text.size()));
  return true;
}

}  // namespace lc::sip
