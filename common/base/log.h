// The log's front: one line per state change, with fields. Where it goes is the sink's business (common/wire/log_sink).
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/result.h"

namespace lc::log {

enum class Level { kDebug, kInfo, kWarning, kError };

/// "debug", "info", "warning" (or "warn"), "error"; anything else is an error that names the choices.
Result<Level> parse_level(std::string_view text);
std::string_view name_of(Level level);

struct Field {
  std::string_view key;
  std::string value;

  Field(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(v) {}
  template <typename Number>
  requires std::is_arithmetic_v<Number> Field(std::string_view k, Number v) : key(k), value(std::to_string(v)) {}
};
using Fields = std::initializer_list<Field>;

/// Called on the logging thread, one call at a time; must not log.
using Sink = std::function<void(Level, std::string_view message, Fields)>;

/// Before any thread starts. Without a sink, lines of level warning and above go to standard error.
void set_sink(Sink sink);
void set_level(Level level);  // any thread

/// Any thread. A line that a thread repeats word for word within 10 s is held back and counted on its next showing.
void write(Level level, std::string_view message, Fields fields = {});

inline void debug(std::string_view message, Fields fields = {}) {
  write(Level::kDebug, message, fields);
}
inline void info(std::string_view message, Fields fields = {}) {
  write(Level::kInfo, message, fields);
}
inline void warning(std::string_view message, Fields fields = {}) {
  write(Level::kWarning, message, fields);
}
inline void error(std::string_view message, Fields fields = {}) {
  write(Level::kError, message, fields);
}

/// One line of `message key=value ...`; values with blanks, quotes or control characters are quoted and escaped.
std::string as_text(std::string_view message, Fields fields);

}  // namespace lc::log
