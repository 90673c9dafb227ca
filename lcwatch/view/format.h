// Figures, times and drawings in few cells.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lcwatch/model/event_log.h"
#include "lcwatch/model/moment.h"
#include "lcwatch/model/nodes.h"
#include "lcwatch/model/series.h"
#include "lcwatch/view/canvas.h"

namespace lc::watch {

std::string count_text(std::uint64_t count);  // 1,234,567
std::string short_text(double value);         // 950, 12.3k, 4.5M
std::string bytes_text(std::uint64_t bytes);  // 812 B, 12.3 MiB
std::string percent_text(double percent);     // 0, 0.01, 4.2, 100; 0 only when it is nothing
std::string decimal_text(double value, int digits);
std::string span_text(std::int64_t span_ns);  // 12s, 4m05s, 3h07m, 12d4h

/// In at most `most` lines of `width` bytes, cut at blanks where there are some; the last has all that is left.
std::vector<std::string_view> wrapped(std::string_view text, int width, std::size_t most);

enum class TimeFormat { kUtc, kLocal, kAgo };
std::string_view name_of(TimeFormat format);
/// With milliseconds, 12 cells: 15:04:05.123; or how long ago.
std::string time_text(std::int64_t ns, TimeFormat format, Moment now);
/// With the date, 19 cells.
std::string date_text(std::int64_t ns, TimeFormat format, Moment now);

Style style_of(NodeState state);
Style style_of(Severity severity);

/// The latest values in `width` cells, the highest of them as high as can be.
void put_sparkline(const Pane& pane, int x, int y, int width, const Series& series, Pen pen);
/// How much of `width` cells is full.
void put_bar(const Pane& pane, int x, int y, int width, double percent, Pen pen);

}  // namespace lc::watch
