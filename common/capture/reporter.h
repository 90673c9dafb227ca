// What a node's heartbeats and its lines of --stats say of its capture.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

#include "common/base/process_usage.h"
#include "common/capture/active_filters.h"
#include "common/capture/capture_pipeline.h"
#include "common/capture/health.h"
#include "common/fleet/hunter.h"
#include "common/packet/send_queue.h"

namespace lc::capture {

struct Report {
  fleet::HunterStatus status = fleet::HunterStatus::kHealthy;
  std::string reason;  // when it is not healthy
  fleet::HunterStats stats;
};

/// Any thread.
class Reporter {
 public:
  /// `durable` as in fill_balance(). All references must outlive it.
  Reporter(const packet::SendQueue& queue, const CapturePipeline& pipeline, const ActiveFilters& filters, bool durable)
      : queue_(queue), pipeline_(pipeline), filters_(filters), durable_(durable) {}

  /// As it is now. `given_up`: of the packets in flight, what is lost at the exit.
  Report report(std::uint64_t given_up = 0);
  /// Reports say STOPPING from now on.
  void stopping() { stopping_ = true; }

 private:
  const packet::SendQueue& queue_;
  const CapturePipeline& pipeline_;
  const ActiveFilters& filters_;
  const bool durable_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;  // for cpu_ and health_
  CpuMeter cpu_;
  Health health_;
};

}  // namespace lc::capture
