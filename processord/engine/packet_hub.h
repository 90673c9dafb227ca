// Live packets for consoles, each with what it says: each subscriber has a bounded queue of its own and never slows
// anything.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "common/base/result.h"
#include "common/filter/bpf.h"
#include "common/info/packet_info.h"
#include "common/packet/batch.h"
#include "processord/engine/hunter_selection.h"

namespace lc::processor {

/// A batch, and what each of its packets says; nothing (no protocol) of those whose sender said it.
struct DescribedBatch {
  std::shared_ptr<const packet::Batch> batch;
  std::shared_ptr<const std::vector<info::PacketInfo>> infos;
  std::size_t memory_bytes = 0;
};

/// One subscriber's queue. Any thread.
class Subscription {
 public:
  /// A batch; which packets of it the subscriber's expression wants, wants() says.
  struct Delivery {
    std::shared_ptr<const packet::Batch> batch;
    std::shared_ptr<const std::vector<info::PacketInfo>> infos;
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
  void offer(const DescribedBatch& described);
  void skip(const packet::Batch& batch);

  static constexpr std::size_t kQueueBytes = std::size_t{8} << 20;

  const HunterSelection selection_;
  const std::string expression_;
  const std::function<void()> ready_;
  mutable std::mutex mutex_;
  std::deque<DescribedBatch> queue_;
  std::size_t queued_bytes_ = 0;
  std::uint64_t skipped_ = 0;
  // One compiled program for each link type met; none where libpcap has no code for it, and nothing matches.
  std::unordered_map<std::uint32_t, std::optional<filter::BpfFilter>> filters_;
};

/// Describes batches and hands them on by a thread of its own, so that whoever publishes pays for one push. A batch is
/// described once, however many subscribers there are, and not at all when nobody wants its hunter. Any thread.
class PacketHub {
 public:
  /// What a frame says; called on the hub's thread.
  using Describe = std::function<info::PacketInfo(std::uint32_t link_type, std::span<const std::uint8_t> frame)>;

  explicit PacketHub(std::size_t max_subscribers);
  PacketHub(std::size_t max_subscribers, Describe describe);
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
  [[nodiscard]] DescribedBatch described(const std::shared_ptr<const packet::Batch>& batch) const;

  static constexpr std::size_t kQueueBytes = std::size_t{16} << 20;

  const std::size_t max_subscribers_;
  const Describe describe_;
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
