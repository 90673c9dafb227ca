// Types and actions of filters in the words of the command line.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/fleet/filter.h"

namespace lc::watch {

/// sip-user for FILTER_SIP_USER; "unknown" for a newer peer's.
std::string word_of(fleet::FilterType type);
/// Either form, in upper or lower case.
std::optional<fleet::FilterType> type_of(std::string_view word);
/// Those that may be asked for.
std::vector<std::string> type_words();

std::string word_of(fleet::CaptureAction action);  // full, signalling, rtp-headers; "unknown"
std::optional<fleet::CaptureAction> action_of(std::string_view word);
std::vector<std::string> action_words();

}  // namespace lc::watch
