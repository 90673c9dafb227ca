// The way to the parent: one link at a time, over as many connections as that takes.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "common/base/backoff.h"
#include "common/config/tls_settings.h"
#include "processord/service/forward_streams.h"
#include "processord/service/parent_stream.h"

namespace lc::processor {

struct UpstreamSettings {
  std::vector<std::string> addresses;       // HOST:PORT, in order of preference; empty: this processor is the root
  std::int64_t max_reconnect_attempts = 0;  // in a row; 0 = for ever
  /// On the link's thread, each time that one stands, before packets are forwarded over it.
  std::function<void()> linked = nullptr;
};

/// One supervising thread dials, looks for signs of life and tries again; what is said runs on gRPC's threads.
class UpstreamLink {
 public:
  /// On the supervising thread, when it changes: the parent's address, and what is wrong with the link to it.
  using Changed = std::function<void(const std::string& address, const std::string& fault)>;

  /// `self_id`: this processor's. `packets` go over the link's connection while it stands; null: none do. The hierarchy
  /// and the queue must outlive it.
  UpstreamLink(UpstreamSettings settings, config::TlsSettings tls, std::string self_id, Hierarchy& hierarchy,
               ForwardQueue* packets, Changed changed);
  ~UpstreamLink();

  /// For ForwardQueue::Events; any thread.
  void sendable(const ForwardQueue::LanePointer& lane) { packets_->sendable(lane); }

  void start();
  /// After Hierarchy::close_all(): what is still to be said has a moment for it.
  void stop();

 private:
  enum class Outcome { kNoLink, kRefused, kWasLinked };

  void supervise();
  Outcome serve(const std::string& address);
  Outcome run(const std::string& address, const std::shared_ptr<grpc::Channel>& channel, ParentStream& stream);
  [[nodiscard]] std::string why_ended(const std::string& address) const;
  void tell(const std::string& address, const std::string& fault);
  [[nodiscard]] std::chrono::milliseconds next_wait(Outcome outcome);
  void wait_to_retry(std::chrono::milliseconds wait, bool looks);
  [[nodiscard]] bool stopping() const;

  const UpstreamSettings settings_;
  const config::TlsSettings tls_;
  const std::string self_id_;
  Hierarchy& hierarchy_;
  const std::unique_ptr<ForwardStreams> packets_;
  const Changed changed_upstream_;
  std::mt19937_64 random_;  // the thread's, with all up to the next blank line
  Backoff backoff_;
  std::string address_, fault_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stop_ = false;
  bool heard_ = false;                 // something came
  std::optional<grpc::Status> ended_;  // how the call ended; nothing while it stands
  std::shared_ptr<void> stream_;       // the ended one, for the supervisor to let go
  std::jthread supervisor_;
};

}  // namespace lc::processor
