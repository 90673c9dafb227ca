// One capture thread: takes packets from a source and fills batches, until the source ends or a stop is requested.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/base/guarded.h"
#include "common/base/stop_signal.h"
#include "common/capture/batcher.h"
#include "common/capture/packet_source.h"

namespace lc::capture {

enum class LoopState { kRunning, kDown, kEnded, kFailed };

/// Packets that the sink has no room for stay with the source: a file waits, the kernel's ring takes what it can and
/// counts the rest as dropped, which is the cheapest place to drop.
class CaptureLoop {
 public:
  /// Everything by reference must outlive the loop; `totals` as in Batcher.
  CaptureLoop(std::unique_ptr<PacketSource> source, std::uint32_t interface_index, packet::SlabPool& pool,
              packet::BatchSink& sink, BatchLimits limits, std::function<packet::BatchStats()> totals,
              const StopSignal& stop);
  ~CaptureLoop();
  CaptureLoop(const CaptureLoop&) = delete;
  CaptureLoop& operator=(const CaptureLoop&) = delete;

  /// The capture thread's whole life. On a stop what the kernel had captured by then is still forwarded.
  void run();

  // Any thread:
  [[nodiscard]] std::uint64_t captured() const { return captured_.load(std::memory_order_relaxed); }
  /// Of these, packets that came out of the kernel's ring at the stop, when the sink had no room.
  [[nodiscard]] std::uint64_t given_up() const { return given_up_.load(std::memory_order_relaxed); }
  [[nodiscard]] SourceStats source_stats() const { return source_->stats(); }
  [[nodiscard]] LoopState state() const { return state_.load(std::memory_order_acquire); }
  [[nodiscard]] std::string error() const;  // of kDown and kFailed
  PacketSource& source() { return *source_; }
  [[nodiscard]] const PacketSource& source() const { return *source_; }

 private:
  [[nodiscard]] bool sink_is_full();  // and if so, asks to be woken
  ReadOutcome read(const PacketConsumer& consumer);
  void note(const ReadOutcome& outcome);
  void wait(int source_fd, int timeout_ms);
  void drain();

  std::unique_ptr<PacketSource> source_;
  packet::BatchSink& sink_;
  const StopSignal& stop_;
  TimeSource time_;
  packet::SinkListener listener_;
  Batcher batcher_;
  PacketConsumer consumer_;
  std::atomic<std::uint64_t> captured_{0};
  std::atomic<std::uint64_t> given_up_{0};
  std::atomic<LoopState> state_{LoopState::kRunning};
  Guarded<std::string> error_;
};

}  // namespace lc::capture
