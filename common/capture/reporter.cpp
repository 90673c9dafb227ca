#include "common/capture/reporter.h"

#include <utility>

#include "common/capture/balance.h"

namespace lc::capture {

Report Reporter::report(std::uint64_t given_up) {
  const std::lock_guard lock(mutex_);
  const packet::SendQueue::Usage usage = queue_.usage();  // before the totals
  const CapturePipeline::Totals totals = pipeline_.totals();
  fleet::HunterStats stats;
  fill_balance(stats, usage, totals, durable_, given_up);
  stats.interfaces = pipeline_.interface_stats();
  stats.active_filters = filters_.count();
  stats.filter_revision = filters_.revision();
  stats.cpu_percent = cpu_.percent_since_last();
  stats.memory_rss_bytes = memory_rss_bytes();
  stats.memory_limit_bytes = memory_limit_bytes();
  stats.spool_limit_bytes = spool_limit_bytes_;
  stats.certificate_not_after_ns = certificate_.not_after_ns();
  stats.started_ns = started_ns_;
  const Health::Verdict verdict =
      health_.judge({.received = totals.captured + totals.kernel_dropped + totals.interface_dropped,
                     .dropped = stats.packets_dropped,
                     .buffer_percent = queue_.usage_percent(),
                     .no_source_captures = pipeline_.all_faulty(),
                     .some_source_down = !pipeline_.faults().empty(),
                     .filter_error = filters_.error(),
                     .spool_error = queue_.fault(),
                     .stopping = stopping_});
  return {verdict.status, verdict.reason, std::move(stats)};
}

}  // namespace lc::capture
