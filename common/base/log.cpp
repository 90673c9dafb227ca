// The sink and the level are the process's own, like standard error: the one piece of global state here.
#include "common/base/log.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <unordered_map>

#include "common/base/text.h"

namespace lc::log {
namespace {

struct Seen {
  std::chrono::steady_clock::time_point at;
  std::uint64_t held_back = 0;
};

struct State {
  std::mutex mutex;
  Sink sink;
  std::unordered_map<std::string, Seen> recent;
};

State& state() {
  static State instance;
  return instance;
}

std::atomic<Level> threshold{Level::kInfo};

constexpr auto kRepeatWindow = std::chrono::seconds(10);
constexpr std::size_t kRemembered = 256;

void emit(State& s, Level level, std::string_view message, Fields fields) {
  if (s.sink) {
    s.sink(level, message, fields);
  } else if (level >= Level::kWarning) {
    const std::string line = as_text(message, fields) + "\n";
    std::fputs(line.c_str(), stderr);
  }
}

}  // namespace

Result<Level> parse_level(std::string_view text) {
  if (text == "debug") return Level::kDebug;
  if (text == "info") return Level::kInfo;
  if (text == "warning" || text == "warn") return Level::kWarning;
  if (text == "error") return Level::kError;
  return Error{Code::kInvalidArgument, "log level must be debug, info, warning or error, not " + quoted(text)};
}

std::string_view name_of(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarning:
      return "warning";
    case Level::kError:
      break;
  }
  return "error";
}

void set_sink(Sink sink) {
  const std::lock_guard lock(state().mutex);
  state().sink = std::move(sink);
}

void set_level(Level level) {
  threshold.store(level, std::memory_order_relaxed);
}

void write(Level level, std::string_view message, Fields fields) {
  if (level < threshold.load(std::memory_order_relaxed)) return;
  State& s = state();
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock(s.mutex);
  if (s.recent.size() > kRemembered) s.recent.clear();
  auto [entry, is_new] = s.recent.try_emplace(as_text(message, fields), Seen{now});
  if (!is_new && now - entry->second.at < kRepeatWindow) {
    ++entry->second.held_back;
    return;
  }
  const std::uint64_t held_back = entry->second.held_back;
  entry->second = {now, 0};
  if (held_back == 0) {
    emit(s, level, message, fields);
  } else {
    emit(s, level, std::string(message) + " (repeated " + std::to_string(held_back) + " times)", fields);
  }
}

std::string as_text(std::string_view message, Fields fields) {
  std::string line(message);
  for (const Field& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    line += needs_quotes(field.value) ? quoted(field.value) : field.value;
  }
  return line;
}

}  // namespace lc::log
