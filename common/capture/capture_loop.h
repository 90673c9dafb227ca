// One capture thread: takes packets from a source and fills batches, until the source ends or a stop is requested.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/guarded.h"
#include "common/base/stop_signal.h"
#include "common/calls/selector.h"
#include "common/capture/batcher.h"
#include "common/capture/packet_source.h"

namespace lc::capture {

enum class LoopState { kRunning, kDown, kEnded, kFailed };

/// Packets that the sink has no room for stay with the source: a file waits, the kernel's ring takes what it can and
/// counts the rest as dropped, which is the cheapest place to drop.
class CaptureLoop final : private calls::Outlet {
 public:
  /// Everything by reference must outlive the loop; `totals` as in Batcher. `interfaces` are those of all loops that
  /// share `selector`: a loop also forwards what others held back.
  CaptureLoop(std::unique_ptr<PacketSource> source, std::uint32_t interface_index,
              const std::vector<packet::CaptureInterface>& interfaces, calls::Selector& selector,
              packet::SlabPool& pool, packet::BatchSink& sink, BatchLimits limits,
              std::function<packet::BatchStats()> totals, const StopSignal& stop);
  ~CaptureLoop() override;
  CaptureLoop(const CaptureLoop&) = delete;
  CaptureLoop& operator=(const CaptureLoop&) = delete;

  /// The capture thread's whole life. On a stop what the kernel had captured by then is still forwarded.
  void run();

  // Any thread:
  [[nodiscard]] std::uint64_t captured() const { return captured_.load(std::memory_order_relaxed); }
  /// Of these, packets that came out of the kernel's ring at the stop, when the sink had no room.
  [[nodiscard]] std::uint64_t given_up() const { return given_up_.load(std::memory_order_relaxed); }
  [[nodiscard]] SourceStats source_stats() const { return source_->stats(); }
  /// Ends a wait for packets: filters have changed.
  void nudge() { nudge_.wake(); }
  /// Bursts read since the start; 0: not running. What was set before one began is in force when it has been counted.
  [[nodiscard]] std::uint64_t bursts() const { return running_.load() ? bursts_.load() : 0; }
  [[nodiscard]] LoopState state() const { return state_.load(std::memory_order_acquire); }
  [[nodiscard]] std::string error() const;  // of kDown and kFailed
  PacketSource& source() { return *source_; }
  [[nodiscard]] const PacketSource& source() const { return *source_; }

 private:
  void forward(const packet::PacketView& frame, const calls::Origin& origin,
               std::span<const std::uint8_t> matched) override;
  [[nodiscard]] bool sink_is_full();  // and if so, asks to be woken
  ReadOutcome read();
  ReadOutcome give_up();
  void idle();
  void note(const ReadOutcome& outcome);
  void wait(int source_fd, int timeout_ms);
  void drain();

  std::unique_ptr<PacketSource> source_;
  const std::uint32_t index_;
  const std::vector<packet::CaptureInterface>& interfaces_;
  calls::Selector& selector_;
  packet::BatchSink& sink_;
  const StopSignal& stop_;
  TimeSource time_;
  packet::SinkListener listener_;
  Batcher batcher_;
  calls::Selector::Turn* turn_ = nullptr;  // while packets are read
  const PacketConsumer pass_on_;
  const PacketConsumer select_;
  std::atomic<std::uint64_t> captured_{0};
  std::atomic<std::uint64_t> given_up_{0};
  std::atomic<std::uint64_t> bursts_{0};
  std::atomic<bool> running_{false};
  WakeUp nudge_;
  std::atomic<LoopState> state_{LoopState::kRunning};
  Guarded<std::string> error_;
};

}  // namespace lc::capture
