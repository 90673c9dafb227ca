#include "lcwatch/view/format.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>

namespace lc::watch {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::tm broken_down(std::int64_t ns, TimeFormat format) {
  const std::time_t seconds = static_cast<std::time_t>(ns / kSecond);
  std::tm time{};
  if (format == TimeFormat::kLocal) {
    ::localtime_r(&seconds, &time);
  } else {
    ::gmtime_r(&seconds, &time);
  }
  return time;
}

std::string formatted(const char* pattern, const std::tm& time) {
  char text[40];
  return {text, std::strftime(text, sizeof text, pattern, &time)};
}

}  // namespace

std::string count_text(std::uint64_t count) {
  std::string text = std::to_string(count);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, 1, ',');
  return text;
}

std::string decimal_text(double value, int digits) {
  char text[64];
  const double bounded = std::isnan(value) ? 0.0 : std::clamp(value, -1e30, 1e30);  // a peer may say anything
  return {text, static_cast<std::size_t>(std::snprintf(text, sizeof text, "%.*f", digits, bounded))};
}

std::string short_text(double value) {
  constexpr std::array kUnits = {"", "k", "M", "G", "T"};
  std::size_t unit = 0;
  while (value >= 999.95 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return decimal_text(value, unit == 0 ? 0 : 1) + kUnits[unit];
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array kUnits = {" B", " KiB", " MiB", " GiB", " TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1023.95 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return decimal_text(value, unit == 0 ? 0 : 1) + kUnits[unit];
}

std::string percent_text(double percent) {
  if (percent <= 0) return "0";
  if (percent < 0.01) return "<0.01";
  return decimal_text(percent, percent < 1 ? 2 : percent < 99.95 ? 1 : 0);
}

std::string span_text(std::int64_t span_ns) {
  const std::int64_t seconds = std::max<std::int64_t>(span_ns, 0) / kSecond;
  char text[48];
  if (seconds < 60) {
    std::snprintf(text, sizeof text, "%llds", static_cast<long long>(seconds));
  } else if (seconds < 3600) {
    std::snprintf(text, sizeof text, "%lldm%02llds", static_cast<long long>(seconds / 60),
                  static_cast<long long>(seconds % 60));
  } else if (seconds < 86400) {
    std::snprintf(text, sizeof text, "%lldh%02lldm", static_cast<long long>(seconds / 3600),
                  static_cast<long long>(seconds / 60 % 60));
  } else {
    std::snprintf(text, sizeof text, "%lldd%lldh", static_cast<long long>(seconds / 86400),
                  static_cast<long long>(seconds / 3600 % 24));
  }
  return text;
}

std::vector<std::string_view> wrapped(std::string_view text, int width, std::size_t most) {
  const auto room = static_cast<std::size_t>(std::max(width, 1));
  std::vector<std::string_view> lines;
  while (!text.empty() && lines.size() < most) {
    std::size_t take = text.size();
    if (take > room && lines.size() + 1 < most) {
      const std::size_t blank = text.rfind(' ', room);
      take = blank != std::string_view::npos && blank > 0 ? blank : room;
      while (take > 1 && (static_cast<unsigned char>(text[take]) & 0xc0U) == 0x80) --take;  // not within a character
    }
    lines.push_back(text.substr(0, take));
    text.remove_prefix(take);
    if (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  }
  return lines;
}

std::string_view name_of(TimeFormat format) {
  if (format == TimeFormat::kUtc) return "UTC";
  return format == TimeFormat::kLocal ? "local" : "ago";
}

std::string time_text(std::int64_t ns, TimeFormat format, Moment now) {
  if (ns == 0) return "-";
  if (format == TimeFormat::kAgo) return span_text(now.wall_ns - ns) + " ago";
  char millis[24];
  std::snprintf(millis, sizeof millis, ".%03d", static_cast<int>(((ns % kSecond) + kSecond) % kSecond / 1'000'000));
  return formatted("%H:%M:%S", broken_down(ns, format)) + millis;
}

std::string date_text(std::int64_t ns, TimeFormat format, Moment now) {
  if (ns == 0) return "-";
  if (format == TimeFormat::kAgo) return span_text(now.wall_ns - ns) + " ago";
  return formatted("%Y-%m-%d %H:%M:%S", broken_down(ns, format));
}

Style style_of(NodeState state) {
  switch (state) {
    case NodeState::kHealthy:
      return Style::kGood;
    case NodeState::kWarning:
      return Style::kWarning;
    case NodeState::kStopping:
      return Style::kStopping;
    case NodeState::kError:
    case NodeState::kUnreachable:
      break;
  }
  return Style::kBad;
}

Style style_of(Severity severity) {
  switch (severity) {
    case Severity::kGood:
      return Style::kGood;
    case Severity::kWarning:
      return Style::kWarning;
    case Severity::kError:
      return Style::kBad;
    case Severity::kInfo:
      break;
  }
  return Style::kNormal;
}

void put_sparkline(const Pane& pane, int x, int y, int width, const Series& series, Pen pen) {
  constexpr std::array kSteps = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  constexpr std::array kAsciiSteps = {"_", ".", "-", "=", "+", "*", "#", "@"};
  const auto& values = series.values();
  width = std::min(width, pane.width() - x);
  if (width <= 0) return;
  const std::size_t shown = std::min(values.size(), static_cast<std::size_t>(width));
  double highest = 0;
  for (std::size_t i = values.size() - shown; i < values.size(); ++i) highest = std::max(highest, values[i]);
  int at = x + width - static_cast<int>(shown);
  for (std::size_t i = values.size() - shown; i < values.size(); ++i) {
    const double part = highest > 0 ? values[i] / highest : 0;
    const auto step = static_cast<std::size_t>(std::clamp(part * 7.999, 0.0, 7.0));
    at = pane.put(at, y, pane.utf8() ? kSteps[step] : kAsciiSteps[step], pen);
  }
}

void put_bar(const Pane& pane, int x, int y, int width, double percent, Pen pen) {
  int full = static_cast<int>(std::lround(percent / 100 * width));
  if (percent > 0) full = std::max(full, 1);
  for (int i = 0; i < width; ++i) {
    pane.put(x + i, y, i < full ? Symbol::kFull : Symbol::kEmpty, i < full ? pen : Pen{Style::kDim, pen.selected});
  }
}

}  // namespace lc::watch
