#include "processord/engine/command_line.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "common/base/text.h"

namespace lc::processor {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool is_program(const std::string& path) {
  struct stat about {};
  return ::stat(path.c_str(), &about) == 0 && S_ISREG(about.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

/// Its path; nothing when there is none (execvp(3)'s rule, without the current directory).
std::optional<std::string> find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return is_program(name) ? std::optional(name) : std::nullopt;
  const char* const path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    if (end > 0) {
      if (std::string candidate = std::string(rest.substr(0, end)) + "/" + name; is_program(candidate)) {
        return candidate;
      }
    }
    rest.remove_prefix(std::min(rest.size(), end + 1));
  }
  return std::nullopt;
}

std::string names_of(const std::vector<std::string_view>& known) {
  std::string names;
  for (const std::string_view name : known) {
    if (!names.empty()) names += ", ";
    names += "%" + std::string(name) + "%";
  }
  return names;
}

}  // namespace

Result<CommandLine> CommandLine::parse(std::string_view text, const std::vector<std::string_view>& known) {
  const auto bad = [&](std::size_t at, const std::string& what) {
    return Error{Code::kInvalidArgument, quoted(text) + ": " + what + " at character " + std::to_string(at + 1)};
  };
  CommandLine command;
  command.text_ = text;
  bool in_argument = false;
  char quote = 0;
  std::size_t quoted_from = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quote == 0 && is_blank(c)) {
      in_argument = false;
      continue;
    }
    if (!in_argument) command.arguments_.push_back({Piece()});
    in_argument = true;
    Argument& argument = command.arguments_.back();
    std::string& piece = argument.back().text;
    if (c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
      quoted_from = at;
    } else if (c == '\\' && quote != '\'') {
      if (++at == text.size()) return bad(at - 1, "a backslash with nothing behind it");
      piece += text[at];
    } else if (c == '%') {
      const std::size_t end = text.find('%', at + 1);
      if (end == std::string_view::npos) return bad(at, "a lone %; write %% for a per cent sign");
      const std::string_view name = text.substr(at + 1, end - at - 1);
      if (name.empty()) {
        piece += '%';
      } else if (std::find(known.begin(), known.end(), name) != known.end()) {
        argument.back().placeholder = name;
        argument.emplace_back();
      } else {
        return bad(at, "unknown placeholder %" + std::string(name) + "%, choose from " + names_of(known));
      }
      at = end;
    } else {
      piece += c;
    }
  }
  if (quote != 0) return bad(quoted_from, std::string("a ") + quote + " that is not closed");
  if (command.arguments_.empty()) return bad(0, "no command");
  if (command.arguments_.front().size() > 1) return bad(0, "the program can't be a placeholder");
  const std::string& program = command.arguments_.front().front().text;
  const std::optional<std::string> path = find_program(program);
  if (!path) return Error{Code::kNotFound, quoted(text) + ": no executable file " + quoted(program)};
  command.program_ = *path;
  return command;
}

std::vector<std::string> CommandLine::arguments(const PlaceholderValues& values) const {
  std::vector<std::string> filled;
  for (const Argument& argument : arguments_) {
    std::string& text = filled.emplace_back();
    for (const Piece& piece : argument) {
      text += piece.text;
      if (piece.placeholder.empty()) continue;
      if (const auto value = values.find(piece.placeholder); value != values.end()) text += value->second;
    }
    std::replace(text.begin(), text.end(), '\0', '?');
  }
  return filled;
}

}  // namespace lc::processor
