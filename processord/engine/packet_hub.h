// Live packets for consoles: each subscriber has a bounded queue of its own and never slows anything.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "common/base/result.h"
#include "common/filter/bpf.h"
#include "common/packet/batch.h"

namespace lc::processor {

/// Which hunters: nothing = all of them.
using HunterSelection = std::optional<std::unordered_set<std::string>>;

/// One subscriber's queue. Any thread.
class Subscription {
 public:
  /// A batch with the packets of it that the subscriber's expression wants.
  struct Delivery {
    std::shared_ptr<const packet::Batch> batch;
    std::uint64_t skipped = 0;  // packets lost to a full queue since the subscription began
  };

  Subscription(HunterSelection selection, std::string expression, std::function<void()> ready);

  /// The oldest batch waiting. Takes what the queue bound made room for: the oldest went first.
  std::optional<Delivery> next();
  [[nodiscard]] bool has_next() const;

  /// Whether the packet is wanted by the expression; on the thread that delivers, one at a time.
  bool wants(const packet::PacketView& packet, std::uint32_t link_type);

 private:
  friend class PacketHub;
  [[nodiscard]] bool selects(const packet::Batch& batch) const;
  void offer(const std::shared_ptr<const packet::Batch>& batch);
  void skip(const packet::Batch& batch);

  static constexpr std::size_t kQueueBytes = std::size_t{8} << 20;

  const HunterSelection selection_;
  const std::string expression_;
  const std::function<void()> ready_;
  mutable std::mutex mutex_;
  std::deque<std::shared_ptr<const packet::Batch>> queue_;
  std::size_t queued_bytes_ = 0;
  std::uint64_t skipped_ = 0;
  // One compiled program for each link type met; none where libpcap has no code for it, and nothing matches.
  std::unordered_map<std::uint32_t, std::optional<filter::BpfFilter>> filters_;
};

/// Hands batches on by a thread of its own, so that whoever publishes pays for one push. Any thread.
class PacketHub {
 public:
  explicit PacketHub(std::size_t max_subscribers);
  ~PacketHub();

  /// `ready` is called on the hub's thread, never under a lock, when the queue was empty and is not any more.
  /// kInvalidArgument for an expression that libpcap refuses, kResourceExhausted at the limit.
  Result<std::shared_ptr<Subscription>> subscribe(HunterSelection selection, const std::string& expression,
                                                  std::function<void()> ready);
  void unsubscribe(const std::shared_ptr<Subscription>& subscription);

  void publish(const std::shared_ptr<const packet::Batch>& batch);

 private:
  using Subscriptions = std::vector<std::shared_ptr<Subscription>>;

  void run();

  static constexpr std::size_t kQueueBytes = std::size_t{16} << 20;

  const std::size_t max_subscribers_;
  std::atomic<bool> anybody_{false};
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::shared_ptr<const packet::Batch>> queue_;
  std::size_t queued_bytes_ = 0;
  bool stop_ = false;
  std::shared_ptr<const Subscriptions> subscriptions_ = std::make_shared<Subscriptions>();
  std::jthread thread_;
};

}  // namespace lc::processor
