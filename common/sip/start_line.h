// The first line of a SIP message (RFC 3261 section 7).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lc::sip {

struct StartLine {
  bool is_request = false;
  std::string_view method;
  std::string_view uri;
  std::uint16_t status = 0;
  std::string_view reason;
  std::size_t size = 0;  // with its line end
};

/// Ordered by certainty.
enum class Start : std::uint8_t {
  kNone,
  kPossible,  // the text ends before anything speaks against a start line
  kLikely,    // it ends behind SIP/2.0 and a blank, or a method of an RFC and a blank
  kWhole,
};

/// Reads the start line at the begin of `text`; `line` is complete only for kWhole.
Start read_start_line(std::string_view text, StartLine& line);

/// Without the empty lines that may precede a start line (RFC 3261 section 7.5; keep-alives of RFC 5626).
std::string_view without_empty_lines(std::string_view text);

/// Where the next start line begins in `text`, which may be in the middle of a line, behind a body that has no last
/// line end; else the begin of the last line, if more of it may come; else the size of `text`.
std::size_t find_start_line(std::string_view text);

}  // namespace lc::sip
