// A command as an operator writes it, split into arguments once; placeholders are filled per argument.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace lc::processor {

/// What placeholders stand for, by name, without the per cent signs.
using PlaceholderValues = std::map<std::string, std::string, std::less<>>;

/// Immutable. No shell reads it, neither here nor when it runs: a value stays within its argument, whatever is in it.
class CommandLine {
 public:
  /// Arguments are separated by blanks; '...' and "..." keep blanks, a backslash keeps the next character (not within
  /// '...'), as in sh(1), and nothing else of a shell's language is known. %NAME% with a name of `known` is a
  /// placeholder, %% a per cent sign. kInvalidArgument names what is wrong and the position (characters from 1); the
  /// program must be an executable file, by its path or in PATH (kNotFound). Any thread.
  static Result<CommandLine> parse(std::string_view text, const std::vector<std::string_view>& known);

  /// The arguments, the program first. A value has no place for NUL: '?' is put there.
  [[nodiscard]] std::vector<std::string> arguments(const PlaceholderValues& values) const;
  [[nodiscard]] const std::string& program() const { return program_; }  // its path
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  /// Text and, behind it, a placeholder; the last one's name is empty.
  struct Piece {
    std::string text;
    std::string placeholder;
  };
  using Argument = std::vector<Piece>;

  std::string text_;
  std::string program_;
  std::vector<Argument> arguments_;
};

}  // namespace lc::processor
