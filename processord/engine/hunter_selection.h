// Which hunters a console wants to see something of.
#pragma once

#include <optional>
#include <string>
#include <unordered_set>

namespace lc::processor {

/// Nothing = all of them.
using HunterSelection = std::optional<std::unordered_set<std::string>>;

}  // namespace lc::processor
