// hunterd's parts, in the order in which they start.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "common/base/file.h"
#include "common/base/guarded.h"
#include "common/base/signals.h"
#include "common/base/stop_signal.h"
#include "common/calls/selector.h"
#include "common/capture/active_filters.h"
#include "common/capture/capture_pipeline.h"
#include "common/capture/node.h"
#include "common/capture/reporter.h"
#include "common/packet/send_queue.h"
#include "hunterd/settings.h"
#include "hunterd/uplink.h"

namespace lc::hunter {

/// Opens the sources (throws StartError when one can't be) and runs until the sources end, a signal comes, or no
/// processor can be reached. The main thread owns it.
class App {
 public:
  /// `signals` must have been made before any thread.
  App(HunterSettings settings, Signals& signals);
  ~App();

  /// The exit code.
  int run();

 private:
  void registered(const fleet::RegistrationAnswer& answer, int port);
  void print_stats(std::uint64_t given_up = 0);
  std::size_t wait_for_end();
  int stop_gracefully();
  int finish_files();
  int close(bool all_acknowledged);

  const HunterSettings settings_;
  TimeSource time_;
  Signals& signals_;
  std::atomic<bool> capture_started_{false};
  Guarded<std::string> gave_up_;
  StopSignal sources_finished_;
  StopSignal first_registration_;
  StopSignal no_processor_;
  RealFileSystem spool_files_{"spool"};
  packet::SendQueue queue_;
  calls::Selector selector_;
  Uplink uplink_;
  capture::OpenedSources sources_;  // `all` becomes the pipeline's
  capture::CapturePipeline pipeline_;
  capture::ActiveFilters filters_;
  capture::Reporter reporter_;
};

}  // namespace lc::hunter
