// Where finished batches go: over the network (hunterd's Uplink) or straight into a processor's engine (tapd).
#pragma once

#include <atomic>

#include "common/base/stop_signal.h"
#include "common/packet/batch_builder.h"

namespace lc::packet {

/// How much a sink wants, so that the capture side can decide when to cut a batch and whether to read at all.
enum class FlowSignal {
  kIdle,    // nothing is being written: send what there is at once
  kBusy,    // cut at the batch size or age
  kBehind,  // batches are waiting: let them grow
  kSpill,   // memory is full and the disk takes over: a source that can wait (a file) shall wait
  kFull,    // no room: leave the packets with their source (kernel ring, file)
};

/// How a sink tells a capture loop that it waits for: the loop sets `waiting`, the sink wakes it once when it becomes
/// idle, or has room again.
struct SinkListener {
  std::atomic<bool> waiting{false};
  WakeUp wake_up;

  void notify() {
    if (waiting.exchange(false)) wake_up.wake();
  }
};

/// Any thread.
class BatchSink {
 public:
  virtual ~BatchSink() = default;

  /// Takes the builder's packets as the next batch of this node (numbers and seals it). Never blocks. `stats` are the
  /// totals at this moment; buffer_usage is filled in by the sink.
  virtual void submit(BatchBuilder& batch, const BatchStats& stats) = 0;

  [[nodiscard]] virtual FlowSignal signal() const = 0;

  /// The listener must outlive the sink or be removed by remove_listener.
  virtual void add_listener(SinkListener& listener) = 0;
  virtual void remove_listener(SinkListener& listener) = 0;
};

}  // namespace lc::packet
