#include "common/filter/glob.h"

#include <algorithm>
#include <utility>

namespace lc::filter {

Result<Glob> parse_glob(std::string_view pattern) {
  Glob glob{{{}}};
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '*') {
      const bool repeated = glob.has_star() && glob.pieces.back().empty();
      if (!repeated) glob.pieces.emplace_back();
    } else if (c != '\\') {
      glob.pieces.back() += lower(c);
    } else if (i + 1 < pattern.size() && (pattern[i + 1] == '*' || pattern[i + 1] == '\\')) {
      glob.pieces.back() += pattern[++i];
    } else {
      return fault_at(pattern, i, R"(a backslash stands only before * or another backslash)");
    }
  }
  return glob;
}

Glob anywhere(Glob glob) {
  if (!glob.pieces.front().empty()) glob.pieces.insert(glob.pieces.begin(), std::string());
  if (!glob.pieces.back().empty() || !glob.has_star()) glob.pieces.emplace_back();
  return glob;
}

Error fault_at(std::string_view pattern, std::size_t offset, std::string_view why) {
  const auto before = pattern.substr(0, offset);
  const auto characters = std::count_if(before.begin(), before.end(), [](char c) { return (c & 0xc0) != 0x80; });
  return {Code::kInvalidArgument, "position " + std::to_string(characters + 1) + ": " + std::string(why)};
}

}  // namespace lc::filter
