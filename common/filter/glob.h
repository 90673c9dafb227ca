// Patterns with `*`, as users write them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace lc::filter {

/// What is left of a pattern when it is cut at its stars: `a*b` is {"a", "b"}, `*a` is {"", "a"}. Never empty; in lower
/// case (ASCII letters only, as everywhere here).
struct Glob {
  std::vector<std::string> pieces;

  [[nodiscard]] bool has_star() const { return pieces.size() > 1; }
};

/// `*` stands for any text, also none; `\*` and `\\` for a star and a backslash. kInvalidArgument for any other
/// backslash; its text begins with the position.
Result<Glob> parse_glob(std::string_view pattern);

/// The glob that matches whatever has `glob`'s text in it.
Glob anywhere(Glob glob);

/// "position N: WHY", where N counts the characters (UTF-8) up to the byte at `offset`, from 1.
Error fault_at(std::string_view pattern, std::size_t offset, std::string_view why);

/// For ASCII letters; every other byte stays as it is.
inline char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

inline bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace lc::filter
