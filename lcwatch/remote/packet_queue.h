// Batches of packets on their way to who takes every one of them: when that is slow, the processor is read from later.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "common/base/guarded.h"
#include "common/base/stop_signal.h"
#include "common/packet/batch.h"
#include "lcwatch/model/update.h"

namespace lc::watch {

/// Any thread.
class PacketQueue {
 public:
  struct Delivery {
    ServerIndex server = 0;
    std::shared_ptr<const packet::Batch> batch;
    std::uint64_t first_number = 1;  // of its packets, as PacketRow::number
    std::uint64_t skipped = 0;       // by the processor, as its queue was full, since the beginning
  };

  /// Once, before the first packet: what is called, on the taker's thread, when there is room again.
  void on_room(std::function<void()> resume) { resume_ = std::move(resume); }

  void push(Delivery delivery) {
    queue_.with([&](Queue& queue) {
      queue.bytes += delivery.batch->memory_bytes();
      queue.deliveries.push_back(std::move(delivery));
    });
    wake_up_.wake();
  }
  [[nodiscard]] bool room() const {
    return queue_.with([](const Queue& queue) { return queue.bytes < kBytes; });
  }

  std::optional<Delivery> next() {
    bool resumes = false;
    std::optional<Delivery> delivery = queue_.with([&](Queue& queue) {
      std::optional<Delivery> oldest;
      if (queue.deliveries.empty()) {
        wake_up_.drain();  // under the lock: what comes later wakes again
        return oldest;
      }
      oldest = std::move(queue.deliveries.front());
      queue.deliveries.pop_front();
      const bool was_full = queue.bytes >= kBytes;
      queue.bytes -= oldest->batch->memory_bytes();
      resumes = was_full && queue.bytes < kBytes;
      return oldest;
    });
    if (resumes && resume_) resume_();
    return delivery;
  }
  /// Readable when there is something.
  [[nodiscard]] int fd() const { return wake_up_.fd(); }

 private:
  // Of all processors: a quarter of a second at full speed.
  static constexpr std::size_t kBytes = std::size_t{16} << 20;

  struct Queue {
    std::deque<Delivery> deliveries;
    std::size_t bytes = 0;
  };
  Guarded<Queue> queue_;
  WakeUp wake_up_;
  std::function<void()> resume_;
};

}  // namespace lc::watch
