// A setting's value, read from text by the rules of its kind.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/option.h"

namespace lc::config {

inline constexpr const char* kDefaultOrigin = "default";

struct Value {
  Kind kind = Kind::kText;
  std::vector<std::string> texts;  // kText: one; kList: any number; otherwise none
  std::int64_t number = 0;         // kInteger; kBoolean as 0 or 1; kSize in bytes; kMilliseconds
  std::string origin = {};         // "option", "environment NAME", "FILE:LINE" or "default"
};

/// Lists are split at commas. The error's text follows the name of the source: `"x" is not a whole number from 1 to 9`.
Result<Value> parse_value(const Option& option, std::string text, std::string origin);

/// With the largest suffix that leaves a whole number: 64M, 1536K, 1000.
std::string size_text(std::int64_t size_bytes);

/// In quotes, cut at 80 characters, for messages.
std::string shown(std::string_view text);

}  // namespace lc::config
