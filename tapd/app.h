// tapd's parts, in the order in which they start.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "common/base/signals.h"
#include "common/base/stop_signal.h"
#include "common/calls/selector.h"
#include "common/capture/active_filters.h"
#include "common/capture/capture_pipeline.h"
#include "common/capture/node.h"
#include "common/capture/reporter.h"
#include "processord/engine/local_filters.h"
#include "processord/engine/local_hunter.h"
#include "processord/engine/stats_line.h"
#include "processord/service/processor_node.h"
#include "tapd/settings.h"

namespace lc::tap {

/// The main thread's.
class App {
 public:
  /// Opens the sources, the capture file and the port; throws StartError. `signals` must have been made before any
  /// thread.
  App(TapSettings settings, Signals& signals);
  ~App();

  /// Until a signal asks to stop, or all capture files are read and stored; the exit code.
  int run();

 private:
  [[nodiscard]] processor::EngineSettings engine_settings() const;
  [[nodiscard]] processor::UpstreamSettings upstream_settings();
  void put_sip_users_in_force();
  void leave_out_own_traffic();
  bool wait_for_end();
  bool stop_is_asked();
  int finish_files();
  int stop_gracefully();
  int close();
  void print_stats(std::uint64_t given_up = 0);

  const TapSettings settings_;
  TimeSource time_;
  Signals& signals_;
  StopSignal sources_finished_;
  capture::OpenedSources sources_;  // `all` becomes the pipeline's, `live` goes with own_traffic_
  std::mutex own_traffic_mutex_;
  std::vector<capture::Connection> own_traffic_;
  processor::ProcessorNode node_;
  const std::shared_ptr<processor::LocalHunter> local_;
  calls::Selector selector_;
  capture::CapturePipeline pipeline_;
  capture::ActiveFilters filters_;
  capture::Reporter reporter_;
  processor::LocalFilters local_filters_;
  processor::StatsLine stats_line_;
};

}  // namespace lc::tap
