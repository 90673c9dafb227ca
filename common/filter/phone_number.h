// Telephone numbers, brought into one form on both sides of a comparison.
#pragma once

#include <string_view>

#include "common/base/result.h"
#include "common/filter/glob.h"
#include "common/filter/text_match.h"

namespace lc::filter {

/// The digits of a number as SIP and tel: URIs write it (RFC 3966 section 5.1.1): without `+` (also as %2B), visual
/// separators, what stands behind a `;`, and a leading 00 or 011 in front of more digits. False: it is no number.
bool read_number(std::string_view text, FoldedText& digits);

/// A pattern in the same form. Without a star, one of 5 digits or more matches the end of a number, a shorter one the
/// whole. Errors as parse_glob().
Result<Glob> parse_number_pattern(std::string_view pattern);

}  // namespace lc::filter
