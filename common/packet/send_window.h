// What a sender has taken and the receiver has not acknowledged: the queue to send and the window to send again.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>

#include "common/packet/batch_sink.h"

namespace lc::packet {

/// lippycat.data.FlowControl as the sender obeys it.
enum class Flow { kContinue, kSlow, kPause };

/// Numbers batches, keeps each until it is acknowledged, and gives them out again after a reconnect. Any thread.
class SendWindow {
 public:
  struct Limits {
    std::size_t window_bytes = std::size_t{64} << 20;  // sent or not, but not acknowledged
    std::uint64_t queue_packets = 10'000;              // not sent
    /// While told FLOW_SLOW: bytes sent and not acknowledged.
    std::size_t slow_bytes = std::size_t{4} << 20;
  };
  struct Usage {
    std::size_t bytes = 0;
    std::uint64_t packets = 0;  // in the window, sent or not
    std::uint64_t unsent_packets = 0;
    std::uint64_t acknowledged_packets = 0;  // since the start
    std::uint64_t last_sequence = 0;         // 0: none yet
    std::uint64_t acknowledged = 0;          // highest acknowledged sequence
  };

  SendWindow(std::string hunter_id, std::uint64_t epoch, Limits limits);

  /// Seals the builder's packets as the next batch and queues it. buffer_usage of `stats` is filled in here.
  void push(BatchBuilder& batch, BatchStats stats, std::int64_t now_ns);

  /// The next batch to send, if flow and window allow; it counts as sent from now on.
  std::optional<EncodedBatch> next();
  [[nodiscard]] bool has_next() const;

  /// A new stream begins: the receiver has everything up to `resume_after`; all else is to be sent (again). A number
  /// that was never sent counts as none.
  void rewind(std::uint64_t resume_after);

  /// The receiver has custody of everything up to `sequence`. A number that was never sent is ignored.
  void acknowledge(std::uint64_t sequence);

  void set_flow(Flow flow);
  [[nodiscard]] Flow flow() const { return flow_.load(std::memory_order_relaxed); }

  /// What the writer is doing decides what the capture side should do (see FlowSignal).
  enum class Writer { kAway, kIdle, kWriting };
  void set_writer(Writer writer) { writer_.store(writer); }
  [[nodiscard]] FlowSignal signal() const;

  [[nodiscard]] Usage usage() const;
  [[nodiscard]] std::uint32_t usage_percent() const;  // the fuller of queue and window
  [[nodiscard]] bool empty() const;
  [[nodiscard]] std::uint64_t epoch() const { return epoch_; }
  [[nodiscard]] const std::string& hunter_id() const { return hunter_id_; }

 private:
  // With mutex_ held:
  [[nodiscard]] bool may_send() const;
  void forget(std::uint64_t sequence);
  void publish();  // what signal() reads without the lock

  const std::string hunter_id_;
  const std::uint64_t epoch_;
  const Limits limits_;

  mutable std::mutex mutex_;
  std::deque<EncodedBatch> batches_;  // by rising sequence, without gaps
  std::size_t sent_ = 0;              // the first `sent_` of them are out
  std::size_t sent_bytes_ = 0;
  std::uint64_t highest_sent_ = 0;  // sequence, on any stream
  Usage usage_;

  std::atomic<Flow> flow_{Flow::kContinue};
  std::atomic<Writer> writer_{Writer::kAway};
  std::atomic<std::uint64_t> unsent_packets_{0};
  std::atomic<std::size_t> bytes_{0};
};

}  // namespace lc::packet
