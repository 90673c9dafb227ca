#include "lcwatch/view/node_cells.h"

#include <cmath>

namespace lc::watch {
namespace {

constexpr std::int64_t kDay = 86'400'000'000'000;
// Where figures turn from good to bad.
constexpr double kSpoolWarning = 50, kSpoolBad = 80;                   // percent
constexpr std::int64_t kCertificateWarning = 30, kCertificateBad = 7;  // days
constexpr std::int64_t kClockWarning = 1'000'000'000;                  // ns

Cell nothing() {
  return {"-", Style::kDim, -1};
}

}  // namespace

Cell days_left(std::int64_t not_after_ns, Moment now) {
  if (not_after_ns == 0) return {"-", Style::kDim, 1e9};
  const std::int64_t days = (not_after_ns - now.wall_ns) / kDay;
  const Style style = days < kCertificateBad       ? Style::kBad
                      : days < kCertificateWarning ? Style::kWarning
                                                   : Style::kNormal;
  return {not_after_ns <= now.wall_ns ? "over" : std::to_string(days), style, static_cast<double>(days)};
}

NodeCells::NodeCells(const Desk& desk, const NodeRow& row) : desk_(desk), row_(row) {
  if (row.hunter) {
    hunter_ = desk.model.figures().hunter(row.key);
  } else {
    processor_ = desk.model.figures().processor(row.key);
  }
}

Cell NodeCells::state() const {
  return {std::string(name_of(row_.state)), style_of(row_.state), static_cast<double>(row_.state)};
}

Cell NodeCells::host() const {
  return {row_.hunter ? row_.hunter->description.hostname : row_.node->processor.address};
}

Cell NodeCells::version() const {
  return {row_.hunter ? row_.hunter->description.version : row_.node->processor.version};
}

Cell NodeCells::uptime() const {
  std::int64_t started = 0;
  if (hunter_ != nullptr) started = hunter_->figures.stats.started_ns;
  if (processor_ != nullptr) started = processor_->stats.started_ns;
  if (started == 0 && row_.hunter) started = row_.hunter->connected_since_ns;
  if (started == 0) return nothing();
  const std::int64_t up = desk_.now.wall_ns - started;
  return {span_text(up), Style::kNormal, static_cast<double>(up)};
}

Cell NodeCells::rate() const {
  if (hunter_ == nullptr && processor_ == nullptr) return nothing();
  const double rate = hunter_ != nullptr ? hunter_->packets_per_s : processor_->packets_per_s;
  return {short_text(rate), Style::kNormal, rate};
}

Cell NodeCells::drops() const {
  if (hunter_ != nullptr) {
    const double percent = hunter_->drop_percent();
    const Style style = hunter_->drops_per_s > 0 ? Style::kBad : percent >= 1 ? Style::kWarning : Style::kNormal;
    return {percent_text(percent), style, percent};
  }
  if (processor_ == nullptr || processor_->stats.packets_received == 0) return nothing();
  double dropped = 0;
  for (const auto& [reason, count] : processor_->stats.dropped_by_reason) dropped += static_cast<double>(count);
  const double percent = 100 * dropped / static_cast<double>(processor_->stats.packets_received);
  return {percent_text(percent), processor_->drops_per_s > 0 ? Style::kBad : Style::kNormal, percent};
}

Cell NodeCells::spool() const {
  double percent = 0;
  if (hunter_ != nullptr && hunter_->figures.stats.spool_limit_bytes != 0) {
    percent = spool_percent(hunter_->figures.stats.spool_bytes, hunter_->figures.stats.spool_limit_bytes);
  } else if (processor_ != nullptr && processor_->stats.spool_limit_bytes != 0) {
    percent = spool_percent(processor_->stats.spool_bytes, processor_->stats.spool_limit_bytes);
  } else {
    return nothing();
  }
  const Style style = percent >= kSpoolBad ? Style::kBad : percent >= kSpoolWarning ? Style::kWarning : Style::kNormal;
  return {percent_text(percent), style, percent};
}

Cell NodeCells::filters() const {
  if (hunter_ != nullptr) {
    const fleet::HunterFigures& figures = hunter_->figures;
    const bool has = figures.stats.filter_revision >= figures.filter_revision;
    // What it has in force of those that are for it: which of them are missing is not said, only that some are.
    const std::uint32_t have =
        has ? figures.filters_targeting : std::min(figures.stats.active_filters, figures.filters_targeting);
    return {std::to_string(have) + "/" + std::to_string(figures.filters_targeting),
            has ? Style::kNormal : Style::kWarning, static_cast<double>(figures.filters_targeting)};
  }
  if (processor_ == nullptr) return nothing();
  return {std::to_string(processor_->stats.filters), Style::kNormal, static_cast<double>(processor_->stats.filters)};
}

Cell NodeCells::cpu() const {
  if (hunter_ == nullptr && processor_ == nullptr) return nothing();
  const double percent =
      static_cast<double>(hunter_ != nullptr ? hunter_->figures.stats.cpu_percent : processor_->stats.cpu_percent);
  return {decimal_text(percent, 0), percent >= 90 ? Style::kWarning : Style::kNormal, percent};
}

Cell NodeCells::memory() const {
  if (hunter_ == nullptr && processor_ == nullptr) return nothing();
  const std::uint64_t bytes =
      hunter_ != nullptr ? hunter_->figures.stats.memory_rss_bytes : processor_->stats.memory_rss_bytes;
  return {bytes_text(bytes), Style::kNormal, static_cast<double>(bytes)};
}

Cell NodeCells::clock() const {
  if (hunter_ == nullptr) return nothing();
  const std::int64_t offset = hunter_->figures.clock_offset_ns;
  const bool off = std::abs(offset) >= kClockWarning;
  const double ms = static_cast<double>(offset) / 1e6;
  return {off ? decimal_text(ms / 1000, 1) + "s" : decimal_text(ms, 1) + "ms", off ? Style::kWarning : Style::kNormal,
          ms};
}

Cell NodeCells::certificate() const {
  if (hunter_ != nullptr) return days_left(hunter_->figures.stats.certificate_not_after_ns, desk_.now);
  if (processor_ != nullptr) return days_left(processor_->stats.certificate_not_after_ns, desk_.now);
  return days_left(0, desk_.now);
}

Cell NodeCells::why() const {
  if (!row_.link.reachable) {
    const std::string since = row_.link.since_ns == 0 ? "" : span_text(desk_.now.wall_ns - row_.link.since_ns) + " ";
    return {since + row_.link.reason, Style::kBad};
  }
  if (row_.hunter) return {row_.hunter->connected_since_ns == 0 ? "" : "up " + uptime().text, Style::kDim};
  if (!row_.node->processor.status_reason.empty()) return {row_.node->processor.status_reason, style_of(row_.state)};
  const Cell up = uptime();
  return {up.text == "-" ? "" : "up " + up.text, Style::kDim};
}

}  // namespace lc::watch
