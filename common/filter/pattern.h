// What each type of filter takes as a pattern.
#pragma once

#include "common/base/result.h"
#include "common/filter/glob.h"
#include "common/fleet/filter.h"

namespace lc::filter {

/// Whether patterns of this type are compared as text (TextMatcher): every known type but IP_ADDRESS, BPF and
/// MEDIA_ENDPOINT.
bool is_text(fleet::FilterType type);

/// The pattern of a text type as it is compared with what packets have (which is brought into the same form). Errors
/// as parse_glob().
Result<Glob> parse_text_pattern(fleet::FilterType type, std::string_view pattern);

/// Whether a pattern of any known type can be used. BPF expressions are compiled for Ethernet. Errors begin with the
/// position where there is one.
Status check_pattern(fleet::FilterType type, std::string_view pattern);

/// In front of every error about a pattern: `filter "ID": TYPE pattern "PATTERN": WHY`.
Error about_pattern(const fleet::Filter& filter, const Error& error);

}  // namespace lc::filter
