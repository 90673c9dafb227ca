// processord's parts, in the order in which they start.
#pragma once

#include "common/base/signals.h"
#include "processord/service/processor_node.h"
#include "processord/service/settings.h"

namespace lc::processor {

/// The main thread's.
class App {
 public:
  /// Opens the capture file and the port; throws StartError. `signals` must have been made before any thread.
  App(const ProcessorSettings& settings, Signals& signals);

  /// Until a signal asks to stop; the exit code.
  int run();

 private:
  Signals& signals_;
  const bool stats_;
  TimeSource time_;
  ProcessorNode node_;
};

}  // namespace lc::processor
