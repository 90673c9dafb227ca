// Compares a SIP message with the filters that speak of its participants.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "common/filter/filter_set.h"
#include "common/filter/text_match.h"
#include "common/fleet/filter.h"
#include "common/sip/message.h"

namespace lc::filter {

/// By the type's number; those of IP_ADDRESS and BPF stay empty.
inline constexpr std::size_t kTextTypes = static_cast<std::size_t>(fleet::FilterType::kImei) + 1;
using TextMatchers = std::array<TextMatcher, kTextTypes>;
using TextPatterns = std::array<std::vector<TextMatcher::Pattern>, kTextTypes>;

/// SIP_USER, SIP_URI, PHONE_NUMBER, CALL_ID, IMSI and IMEI. Any thread.
void match_sip_message(const TextMatchers& matchers, const sip::Message& message, Matches& matches);

}  // namespace lc::filter
