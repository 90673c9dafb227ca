#include "processord/engine/packet_hub.h"

#include <pthread.h>

#include <utility>

namespace lc::processor {

Subscription::Subscription(HunterSelection selection, std::string expression, std::function<void()> ready)
    : selection_(std::move(selection)), expression_(std::move(expression)), ready_(std::move(ready)) {}

bool Subscription::selects(const packet::Batch& batch) const {
  return !selection_ || selection_->contains(std::string(batch.header().hunter_id));
}

void Subscription::skip(const packet::Batch& batch) {
  if (!selects(batch)) return;
  const std::lock_guard lock(mutex_);
  skipped_ += batch.packets().size();
}

void Subscription::offer(const std::shared_ptr<const packet::Batch>& batch) {
  if (!selects(*batch)) return;
  bool was_empty = false;
  {
    const std::lock_guard lock(mutex_);
    was_empty = queue_.empty();
    queue_.push_back(batch);
    queued_bytes_ += batch->memory_bytes();
    while (queued_bytes_ > kQueueBytes && queue_.size() > 1) {
      skipped_ += queue_.front()->packets().size();
      queued_bytes_ -= queue_.front()->memory_bytes();
      queue_.pop_front();
    }
  }
  if (was_empty) ready_();
}

std::optional<Subscription::Delivery> Subscription::next() {
  const std::lock_guard lock(mutex_);
  if (queue_.empty()) return std::nullopt;
  Delivery delivery{std::move(queue_.front()), skipped_};
  queue_.pop_front();
  queued_bytes_ -= delivery.batch->memory_bytes();
  return delivery;
}

bool Subscription::has_next() const {
  const std::lock_guard lock(mutex_);
  return !queue_.empty();
}

bool Subscription::wants(const packet::PacketView& packet, std::uint32_t link_type) {
  if (expression_.empty()) return true;
  auto known = filters_.find(link_type);
  if (known == filters_.end()) {
    Result<filter::BpfFilter> filter = filter::BpfFilter::compile(expression_, link_type);
    known = filters_.emplace(link_type, filter ? std::optional(std::move(*filter)) : std::nullopt).first;
  }
  return known->second && known->second->matches(packet);
}

PacketHub::PacketHub(std::size_t max_subscribers) : max_subscribers_(max_subscribers), thread_([this] { run(); }) {}

PacketHub::~PacketHub() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  arrived_.notify_one();
}

void PacketHub::run() {
  ::pthread_setname_np(::pthread_self(), "consoles");
  std::deque<std::shared_ptr<const packet::Batch>> batches;
  for (;;) {
    std::shared_ptr<const Subscriptions> subscriptions;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [this] { return stop_ || !queue_.empty(); });
      if (stop_) return;
      batches = std::exchange(queue_, {});
      queued_bytes_ = 0;
      subscriptions = subscriptions_;
    }
    for (const auto& batch : batches) {
      for (const auto& subscription : *subscriptions) subscription->offer(batch);
    }
    batches.clear();
  }
}

Result<std::shared_ptr<Subscription>> PacketHub::subscribe(HunterSelection selection, const std::string& expression,
                                                           std::function<void()> ready) {
  if (!expression.empty()) {
    const Result<filter::BpfFilter> filter = filter::BpfFilter::compile(expression, packet::kEthernet);
    if (!filter) return filter.error();
  }
  auto subscription = std::make_shared<Subscription>(std::move(selection), expression, std::move(ready));
  const std::lock_guard lock(mutex_);
  if (subscriptions_->size() >= max_subscribers_) {
    return Error{Code::kResourceExhausted,
                 "maximum number of subscribers reached: limit " + std::to_string(max_subscribers_)};
  }
  Subscriptions changed = *subscriptions_;
  changed.push_back(subscription);
  subscriptions_ = std::make_shared<const Subscriptions>(std::move(changed));
  anybody_ = true;
  return subscription;
}

void PacketHub::unsubscribe(const std::shared_ptr<Subscription>& subscription) {
  const std::lock_guard lock(mutex_);
  Subscriptions changed = *subscriptions_;
  std::erase(changed, subscription);
  anybody_ = !changed.empty();
  subscriptions_ = std::make_shared<const Subscriptions>(std::move(changed));
}

void PacketHub::publish(const std::shared_ptr<const packet::Batch>& batch) {
  if (!anybody_.load(std::memory_order_relaxed)) return;
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(batch);
    queued_bytes_ += batch->memory_bytes();
    while (queued_bytes_ > kQueueBytes && queue_.size() > 1) {
      for (const auto& subscription : *subscriptions_) subscription->skip(*queue_.front());
      queued_bytes_ -= queue_.front()->memory_bytes();
      queue_.pop_front();
    }
  }
  arrived_.notify_one();
}

}  // namespace lc::processor
