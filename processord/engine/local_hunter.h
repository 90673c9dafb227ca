// The hunter in this process: what is captured here goes straight into the engine.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "common/base/one_at_a_time.h"
#include "common/capture/reporter.h"
#include "common/packet/send_queue.h"
#include "processord/engine/engine.h"

namespace lc::processor {

/// A BatchSink and a StreamPeer, with nothing but a queue in between: batches stay in it until the engine has custody,
/// wait in it while the engine has no room, and are handed over again when the engine loses what it has not stored.
/// Any thread.
class LocalHunter final : public packet::BatchSink,
                          public StreamPeer,
                          public std::enable_shared_from_this<LocalHunter> {
 public:
  /// Of the engine's EngineSettings::local_hunter. The engine must outlive it, and keeps it alive until it stops.
  static std::shared_ptr<LocalHunter> open(Engine& engine, packet::SendQueue::Limits limits);

  LocalHunter(Engine& engine, const fleet::HunterDescription& description, packet::SendQueue::Limits limits);

  [[nodiscard]] const packet::SendQueue& queue() const { return queue_; }

  /// A heartbeat's content.
  void beat(capture::Report report);

  /// After the last submit(): waits until everything is stored, `limit` has passed, or cancelled() says so. True when
  /// all is stored.
  bool finish(std::chrono::milliseconds limit, const std::function<bool()>& cancelled);
  /// Hands over nothing more; what the engine stores from now on is still acknowledged.
  void stop() { stopped_ = true; }

  void submit(packet::BatchBuilder& batch, const packet::BatchStats& stats) override;
  [[nodiscard]] packet::FlowSignal signal() const override { return queue_.signal(); }
  void add_listener(packet::SinkListener& listener) override;
  void remove_listener(packet::SinkListener& listener) override;

  void control_changed() override { settle(); }
  void tick() override {}
  void resume_reading() override;
  void close(const Error& reason) override;

 private:
  void settle();
  void hand_over();  // one thread at a time
  bool attach();     // likewise
  void notify();

  Engine& engine_;
  const std::shared_ptr<Hunter> hunter_;
  packet::SendQueue queue_;
  OneAtATime work_;
  std::optional<Ingest> ingest_;  // the worker's
  std::atomic<bool> held_{false};
  std::atomic<bool> closed_{true};
  std::atomic<bool> stopped_{false};
  std::mutex listeners_mutex_;
  std::vector<packet::SinkListener*> listeners_;
  std::mutex mutex_;
  std::condition_variable changed_;
};

}  // namespace lc::processor
