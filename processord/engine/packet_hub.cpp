#include "processord/engine/packet_hub.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "common/info/describer.h"

namespace lc::processor {

Subscription::Subscription(HunterSelection selection, std::string expression, std::function<void()> ready)
    : selection_(std::move(selection)), expression_(std::move(expression)), ready_(std::move(ready)) {}

bool Subscription::selects(const packet::Batch& batch) const {
  return !selection_ || selection_->contains(std::string(batch.header().hunter_id)) ||
         selection_->contains(std::string(batch.source()));
}

void Subscription::skip(const packet::Batch& batch) {
  if (!selects(batch)) return;
  const std::lock_guard lock(mutex_);
  skipped_ += batch.packets().size();
}

void Subscription::offer(const DescribedBatch& described) {
  if (!selects(*described.batch)) return;
  bool was_empty = false;
  {
    const std::lock_guard lock(mutex_);
    was_empty = queue_.empty();
    queue_.push_back(described);
    queued_bytes_ += described.memory_bytes;
    while (queued_bytes_ > kQueueBytes && queue_.size() > 1) {
      skipped_ += queue_.front().batch->packets().size();
      queued_bytes_ -= queue_.front().memory_bytes;
      queue_.pop_front();
    }
  }
  if (was_empty) ready_();
}

std::optional<Subscription::Delivery> Subscription::next() {
  const std::lock_guard lock(mutex_);
  if (queue_.empty()) return std::nullopt;
  DescribedBatch oldest = std::move(queue_.front());
  queue_.pop_front();
  queued_bytes_ -= oldest.memory_bytes;
  return Delivery{std::move(oldest.batch), std::move(oldest.infos), skipped_};
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

PacketHub::PacketHub(std::size_t max_subscribers)
    : PacketHub(max_subscribers, [describer = std::make_shared<info::Describer>()](
                                     std::uint32_t link_type, std::span<const std::uint8_t> frame) {
        return describer->describe(link_type, frame);
      }) {}

PacketHub::PacketHub(std::size_t max_subscribers, Describe describe)
    : max_subscribers_(max_subscribers), describe_(std::move(describe)), thread_([this] { run(); }) {}

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
      const bool is_wanted = std::ranges::any_of(*subscriptions, [&](const auto& one) { return one->selects(*batch); });
      if (!is_wanted) continue;
      const DescribedBatch described = this->described(batch);
      for (const auto& subscription : *subscriptions) subscription->offer(described);
    }
    batches.clear();
  }
}

DescribedBatch PacketHub::described(const std::shared_ptr<const packet::Batch>& batch) const {
  DescribedBatch described{batch, nullptr, batch->memory_bytes()};
  std::vector<info::PacketInfo> infos(batch->packets().size());
  for (std::size_t i = 0; i < infos.size(); ++i) {
    const packet::PacketEntry& entry = batch->packets()[i];
    if (batch->metadata_of(i).empty()) {
      infos[i] = describe_(batch->interfaces()[entry.interface].link_type, {batch->data_of(entry), entry.captured});
    }
    described.memory_bytes += infos[i].memory_bytes();
  }
  described.infos = std::make_shared<const std::vector<info::PacketInfo>>(std::move(infos));
  return described;
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
