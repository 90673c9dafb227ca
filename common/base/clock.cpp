#include "common/base/clock.h"

#include <array>
#include <cstdio>
#include <ctime>

namespace lc {
namespace {

std::tm utc(std::int64_t ns) {
  const auto seconds = static_cast<std::time_t>(ns / 1'000'000'000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return parts;
}

std::string formatted(const char* format, std::int64_t ns) {
  const std::tm parts = utc(ns);
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), format, &parts);
  return {text.data(), size};
}

}  // namespace

std::int64_t wall_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::int64_t steady_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count();
}

std::string utc_text(std::int64_t ns) {
  std::array<char, 8> milliseconds{};
  std::snprintf(milliseconds.data(), milliseconds.size(), ".%03dZ", static_cast<int>(ns / 1'000'000 % 1000));
  return formatted("%Y-%m-%dT%H:%M:%S", ns) + milliseconds.data();
}

std::string utc_compact(std::int64_t ns) {
  return formatted("%Y%m%dT%H%M%SZ", ns);
}

}  // namespace lc
