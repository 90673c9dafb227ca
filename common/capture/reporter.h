// What a node's heartbeats and its lines of --stats say of its capture.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

#include "common/base/process_usage.h"
#include "common/capture/active_filters.h"
#include "common/capture/capture_pipeline.h"
#include "common/capture/health.h"
#include "common/fleet/hunter.h"
#include "common/packet/send_queue.h"
#include "common/pki/certificate_file.h"
#include "common/spool/open_spool.h"

namespace lc::capture {

struct Report {
  fleet::HunterStatus status = fleet::HunterStatus::kHealthy;
  std::string reason;  // when it is not healthy
  fleet::HunterStats stats;
};

/// Any thread.
class Reporter {
 public:
  /// `spool`: of the queue. `certificate_file`: of this process; empty: it has none. All references must outlive it.
  Reporter(const packet::SendQueue& queue, const CapturePipeline& pipeline, const ActiveFilters& filters,
           const spool::SpoolSettings& spool, std::string certificate_file)
      : queue_(queue),
        pipeline_(pipeline),
        filters_(filters),
        durable_(spool.mode == spool::SpoolMode::kAlways),
        spool_limit_bytes_(spool.mode == spool::SpoolMode::kOff ? 0 : spool.max_bytes),
        certificate_(std::move(certificate_file)) {}

  /// As it is now. `given_up`: of the packets in flight, what is lost at the exit.
  Report report(std::uint64_t given_up = 0);
  /// Reports say STOPPING from now on.
  void stopping() { stopping_ = true; }

 private:
  const packet::SendQueue& queue_;
  const CapturePipeline& pipeline_;
  const ActiveFilters& filters_;
  const bool durable_;  // as in fill_balance()
  const std::uint64_t spool_limit_bytes_;
  const std::int64_t started_ns_ = wall_ns();
  pki::CertificateFile certificate_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;  // for cpu_ and health_
  CpuMeter cpu_;
  Health health_;
};

}  // namespace lc::capture
