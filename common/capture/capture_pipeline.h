// All capture threads of a node: one loop per interface, feeding one sink.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/base/counters.h"
#include "common/capture/capture_loop.h"
#include "common/fleet/hunter.h"

namespace lc::capture {

/// Any thread.
class CapturePipeline {
 public:
  /// `on_finished` is called once, on a capture thread, when every source has ended or failed by itself.
  /// `selector` says what is forwarded; it and the sink must outlive the pipeline.
  CapturePipeline(std::vector<std::unique_ptr<PacketSource>> sources, calls::Selector& selector,
                  packet::BatchSink& sink, BatchLimits limits, std::function<void()> on_finished);
  ~CapturePipeline();

  /// Once. Does nothing after stop().
  void start();
  /// Reads what the kernel has captured up to now, hands over the open batches, and ends all threads.
  void stop();

  /// Waits until every loop that captures from an interface has begun a burst from now on, so that what was set before
  /// is in force; at most `limit`, as one whose sink is full does not read. False: none captures. Not from a capture
  /// thread.
  bool settle(std::chrono::milliseconds limit);
  void for_each_source(const std::function<void(PacketSource&)>& visit);

  struct Totals {
    std::uint64_t captured = 0;
    std::uint64_t kernel_dropped = 0;
    std::uint64_t interface_dropped = 0;
    std::uint64_t given_up = 0;  // of captured: read at the stop, when the sink had no room
    std::uint64_t filtered = 0;  // of captured: not wanted
    std::uint64_t held = 0;      // of captured: wanted or not is not known yet
  };
  [[nodiscard]] Totals totals() const;
  [[nodiscard]] std::vector<fleet::InterfaceStats> interface_stats() const;

  /// Sources that can't capture now (interface down) or ever again, each with its reason.
  [[nodiscard]] std::vector<std::string> faults() const;
  [[nodiscard]] bool all_faulty() const;
  [[nodiscard]] bool any_failed() const;

 private:
  [[nodiscard]] packet::BatchStats batch_stats() const;

  calls::Selector& selector_;
  packet::SlabPool pool_;
  StopSignal stop_;
  std::function<void()> on_finished_;
  std::vector<packet::CaptureInterface> interfaces_;
  std::vector<std::unique_ptr<CaptureLoop>> loops_;
  std::atomic<std::size_t> running_{0};
  std::mutex threads_mutex_;
  std::vector<std::jthread> threads_;
};

}  // namespace lc::capture
