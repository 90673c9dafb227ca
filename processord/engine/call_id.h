// How calls are named to consoles.
#pragma once

#include <charconv>
#include <string>
#include <string_view>

#include "common/calls/call_groups.h"

namespace lc::processor {

inline constexpr std::string_view kCallIdPrefix = "call-";

inline std::string id_of(calls::GroupId group) {
  return std::string(kCallIdPrefix) + std::to_string(group);
}

/// kNoGroup: it names none.
inline calls::GroupId group_named(std::string_view id) {
  calls::GroupId group = calls::kNoGroup;
  if (id.starts_with(kCallIdPrefix)) std::from_chars(id.data() + kCallIdPrefix.size(), id.data() + id.size(), group);
  return group;
}

}  // namespace lc::processor
