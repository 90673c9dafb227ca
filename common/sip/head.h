// The start line and the headers of a SIP message, and where they end.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "common/sip/message.h"

namespace lc::sip {

struct HeadExtent {
  std::size_t end = 0;  // behind the empty line; 0: the text ends before it
  std::optional<std::size_t> content_length;
};

/// Reads everything but the body into `message`. `text` begins with the start line. False when there is none.
bool read_head(std::string_view text, Message& message, HeadExtent& extent);

}  // namespace lc::sip
