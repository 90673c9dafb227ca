// Small text rules that messages and settings share.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace lc {

/// In double quotes; quotes, backslashes and control characters escaped, so that one line stays one line.
std::string quoted(std::string_view text);
bool needs_quotes(std::string_view text);

/// The known name nearest to `text` by edit distance, if one is near enough to be what was meant.
std::optional<std::string> nearest(std::string_view text, std::span<const std::string> known);

std::vector<std::string> split(std::string_view text, char separator);  // empty pieces left out, blanks trimmed

/// Well-formed UTF-8 (RFC 3629), as proto3 strings must be.
bool is_utf8(std::string_view text);

/// What a terminal and a proto3 string can be given, of foreign bytes: blanks for tabs and line ends; U+FFFD for each
/// other control character, each that turns the direction of writing, and each byte that is no UTF-8. Of more than
/// `most` characters (at least one) the first ones, with an ellipsis as the last.
std::string terminal_safe(std::string_view text, std::size_t most);

/// Ids of nodes: 1 to 64 characters of [A-Za-z0-9._-]. `what` names the id in the error.
Status check_id(std::string_view what, std::string_view id);

/// The text of an errno value; any thread.
std::string errno_text(int error);

}  // namespace lc
