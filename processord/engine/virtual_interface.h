// Puts packets as they pass into a TAP or TUN device, for whatever captures there: tcpdump, Wireshark, Snort, Zeek.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "common/base/unique_fd.h"
#include "common/packet/batch.h"
#include "processord/engine/virtual_frame.h"

namespace lc::processor {

/// A queue, and a thread of its own that writes; nobody waits for it.
class VirtualInterface {
 public:
  /// `device` takes a packet with each write: open_virtual_device().
  VirtualInterface(UniqueFd device, VirtualInterfaceType type);
  ~VirtualInterface();

  void start();
  /// Injects what is queued. The device stays until destruction.
  void stop();

  /// Any thread. When the queue is full its oldest batches go, so that what is seen is what happens now.
  void push(std::shared_ptr<const packet::Batch> batch);

  /// Packets since the start. What was pushed is in one of these, or still queued.
  struct Counts {
    std::uint64_t injected = 0;
    std::array<std::uint64_t, kNotInjectedReasons> not_injected{};
  };
  [[nodiscard]] Counts counts() const;

 private:
  void run();
  void inject(const packet::Batch& batch);
  void write(const VirtualFrame& frame);
  void count(NotInjected reason, std::uint64_t packets = 1);

  static constexpr std::size_t kQueueBytes = std::size_t{32} << 20;

  const UniqueFd device_;
  const VirtualInterfaceType type_;
  std::atomic<std::uint64_t> injected_{0};
  std::array<std::atomic<std::uint64_t>, kNotInjectedReasons> not_injected_{};

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::shared_ptr<const packet::Batch>> queue_;
  std::size_t queued_bytes_ = 0;
  bool stop_ = false;
  bool overrun_ = false;  // and the log says so
  std::jthread thread_;
};

}  // namespace lc::processor
