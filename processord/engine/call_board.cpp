// Calls stand in the order of their last change, and a subscriber is a place in that order: what lies behind it has
// still to be told. So a call waits once however often it changes, a subscriber costs the same whether it reads or not,
// and a snapshot is nothing but the beginning of the order, which can only shrink while it is told. Removed calls stay
// in the order as long as there are fewer of them than would make a new snapshot the shorter way.
#include "processord/engine/call_board.h"

#include <algorithm>

namespace lc::processor {
namespace {

void note(const std::string& hunter_id, std::vector<std::string>& hunters) {
  if (std::ranges::find(hunters, hunter_id) == hunters.end()) hunters.push_back(hunter_id);
}

bool selects(const HunterSelection& selection, const std::vector<std::string>& hunters) {
  return !selection || std::ranges::any_of(hunters, [&](const auto& id) { return selection->contains(id); });
}

}  // namespace

void CallBoard::publish_on_demand(std::function<void()> ask) {
  const std::lock_guard lock(mutex_);
  ask_ = std::move(ask);
  complete_ = false;
}

bool CallBoard::asked() const {
  const std::lock_guard lock(mutex_);
  return (!complete_ && !subscriptions_.empty()) || std::ranges::any_of(subscriptions_, [](const auto& one) {
           return one->messages_ == CallSubscription::Messages::kAsked;
         });
}

CallBoard::Asked CallBoard::take_asked() {
  using Messages = CallSubscription::Messages;
  const std::lock_guard lock(mutex_);
  Asked asked{.everything = !complete_ && !subscriptions_.empty(), .with_messages = {}};
  for (const auto& subscription : subscriptions_) {
    if (subscription->messages_ != Messages::kAsked) continue;
    subscription->messages_ = Messages::kComing;
    if (subscription->calls_.empty()) asked.everything = true;
    asked.with_messages.insert(asked.with_messages.end(), subscription->calls_.begin(), subscription->calls_.end());
  }
  return asked;
}

void CallBoard::answered() {
  using Messages = CallSubscription::Messages;
  Subscriptions idle;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& subscription : subscriptions_) {
      if (subscription->messages_ != Messages::kComing) continue;
      subscription->messages_ = Messages::kThere;
      if (std::exchange(subscription->idle_, false)) idle.push_back(subscription);
    }
  }
  for (const auto& subscription : idle) subscription->peer_.ready();
}

bool CallBoard::wants_messages(const std::string& id) const {
  if (!messages_wanted_.load(std::memory_order_acquire)) return false;
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(subscriptions_, [&](const auto& one) {
    return one->peer_.messages && (one->calls_.empty() || one->calls_.contains(id));
  });
}

void CallBoard::publish_all(std::vector<CallPointer> calls) {
  Subscriptions idle;
  {
    const std::lock_guard lock(mutex_);
    if (ask_ && subscriptions_.empty()) return;  // whoever asked has left
    const std::uint64_t before = revision_;
    for (CallPointer& call : calls) put(std::move(call));
    for (auto& entry : entries_) {
      if (entry.second.call && entry.second.last <= before) mark_removed(entry);
    }
    forget_removals();
    complete_ = true;
    for (const auto& subscription : subscriptions_) {
      if (subscription->messages_ == CallSubscription::Messages::kComing) {
        subscription->messages_ = CallSubscription::Messages::kThere;
      }
    }
    idle = take_idle();
  }
  for (const auto& subscription : idle) subscription->peer_.ready();
}

void CallBoard::publish(CallPointer call) {
  Subscriptions idle;
  {
    const std::lock_guard lock(mutex_);
    if (!complete_) return;
    put(std::move(call));
    idle = take_idle();
  }
  for (const auto& subscription : idle) subscription->peer_.ready();
}

void CallBoard::remove(const std::string& id, const std::string& joined_to) {
  Subscriptions idle;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& subscription : subscriptions_) {
      if (!joined_to.empty() && subscription->calls_.contains(id)) subscription->calls_.insert(joined_to);
    }
    const auto found = entries_.find(id);
    if (!complete_ || found == entries_.end() || !found->second.call) return;
    mark_removed(*found);
    forget_removals();
    idle = take_idle();
  }
  for (const auto& subscription : idle) subscription->peer_.ready();
}

// What comes again while its removal is remembered counts as the same call: a subscriber may still have it from before.
void CallBoard::put(CallPointer call) {
  Entries::value_type& entry = *entries_.try_emplace(call->id).first;
  for (const fleet::CallLeg& leg : call->legs) note(leg.hunter_id, entry.second.hunters);
  for (const fleet::CallStream& stream : call->streams) note(stream.hunter_id, entry.second.hunters);
  if (!entry.second.call) removals_.erase(entry.second.last);
  entry.second.call = std::move(call);
  move_to_end(entry);
}

void CallBoard::mark_removed(Entries::value_type& entry) {
  entry.second.call.reset();
  move_to_end(entry);
  removals_.insert(entry.second.last);
}

void CallBoard::move_to_end(Entries::value_type& entry) {
  if (entry.second.last == 0) {
    entry.second.first = ++revision_;
    order_.emplace_hint(order_.end(), revision_, &entry);
  } else {
    auto node = order_.extract(entry.second.last);
    node.key() = ++revision_;
    order_.insert(order_.end(), std::move(node));
  }
  entry.second.last = revision_;
}

void CallBoard::forget_removals() {
  while (removals_.size() > std::max(kLeastRemovals, entries_.size() - removals_.size())) {
    const auto oldest = order_.find(*removals_.begin());
    forgotten_ = oldest->first;
    removals_.erase(removals_.begin());
    entries_.erase(oldest->second->first);
    order_.erase(oldest);
  }
}

CallBoard::Subscriptions CallBoard::take_idle() {
  Subscriptions idle;
  for (const auto& subscription : subscriptions_) {
    if (std::exchange(subscription->idle_, false)) idle.push_back(subscription);
  }
  return idle;
}

std::vector<CallPointer> CallBoard::calls() const {
  const std::lock_guard lock(mutex_);
  std::vector<CallPointer> calls;
  calls.reserve(entries_.size() - removals_.size());
  for (const auto& [revision, entry] : order_) {
    if (entry->second.call) calls.push_back(entry->second.call);
  }
  return calls;
}

Result<std::shared_ptr<CallSubscription>> CallBoard::subscribe(CallSubscription::Peer peer) {
  auto subscription = std::make_shared<CallSubscription>(std::move(peer));
  std::function<void()> ask;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return *closed_;
    if (subscriptions_.size() >= max_subscribers_) {
      return Error{Code::kResourceExhausted,
                   "maximum number of subscribers of calls reached: limit " + std::to_string(max_subscribers_)};
    }
    subscriptions_.push_back(subscription);
    wanted_.store(true, std::memory_order_release);
    if (subscription->peer_.messages) {
      messages_wanted_.store(true, std::memory_order_release);
      if (ask_) subscription->messages_ = CallSubscription::Messages::kAsked;
    }
    if (!complete_ || subscription->peer_.messages) ask = ask_;
  }
  if (ask) ask();
  return subscription;
}

void CallBoard::unsubscribe(const std::shared_ptr<CallSubscription>& subscription) {
  Entries dropped;  // freed without the lock
  const std::lock_guard lock(mutex_);
  std::erase(subscriptions_, subscription);
  messages_wanted_.store(std::ranges::any_of(subscriptions_, [](const auto& one) { return one->peer_.messages; }),
                         std::memory_order_release);
  if (!subscriptions_.empty()) return;
  wanted_.store(false, std::memory_order_release);
  if (!ask_) return;
  complete_ = false;
  order_.clear();
  removals_.clear();
  std::swap(dropped, entries_);
}

void CallBoard::close_all(const Error& reason) {
  Subscriptions closed;
  {
    const std::lock_guard lock(mutex_);
    closed_ = reason;
    closed = subscriptions_;
  }
  for (const auto& subscription : closed) subscription->peer_.closed(reason);
}

// It has what it waits for only once that is published.
bool CallBoard::is_awaited(const CallSubscription& subscription) const {
  return !complete_ || subscription.messages_ != CallSubscription::Messages::kThere;
}

// Whether it may have missed a removal. What went before its snapshot began is no concern of its.
bool CallBoard::overtaken(const CallSubscription& subscription) const {
  return forgotten_ > std::max(subscription.told_, subscription.snapshot_);
}

std::optional<CallUpdate> CallBoard::next(CallSubscription& subscription) {
  using Kind = CallUpdate::Kind;
  using Phase = CallSubscription::Phase;
  const std::lock_guard lock(mutex_);
  if (is_awaited(subscription)) {
    subscription.idle_ = true;
    return std::nullopt;
  }
  if (subscription.phase_ == Phase::kSnapshotDue || overtaken(subscription)) {
    subscription.phase_ = Phase::kSnapshot;
    subscription.told_ = 0;
    subscription.snapshot_ = revision_;
    return CallUpdate{.kind = Kind::kSnapshotBegin, .revision = revision_};
  }
  const bool snapshot = subscription.phase_ == Phase::kSnapshot;
  const std::uint64_t limit = snapshot ? subscription.snapshot_ : revision_;
  for (auto at = order_.upper_bound(subscription.told_); at != order_.end() && at->first <= limit; ++at) {
    const std::uint64_t told = std::exchange(subscription.told_, at->first);
    const auto& [id, entry] = *at->second;
    if (!subscription.calls_.empty() && !subscription.calls_.contains(id)) continue;
    if (!selects(subscription.peer_.hunters, entry.hunters)) continue;
    if (entry.call) return CallUpdate{.kind = Kind::kCall, .revision = at->first, .call = entry.call};
    const bool never_told = snapshot || entry.first > told;
    if (!never_told) return CallUpdate{.kind = Kind::kRemoved, .revision = at->first, .id = id};
  }
  subscription.told_ = limit;
  if (snapshot) {
    subscription.phase_ = Phase::kChanges;
    return CallUpdate{.kind = Kind::kSnapshotEnd, .revision = limit};
  }
  subscription.idle_ = true;
  return std::nullopt;
}

bool CallBoard::has_next(const CallSubscription& subscription) const {
  const std::lock_guard lock(mutex_);
  return !is_awaited(subscription) &&
         (subscription.phase_ != CallSubscription::Phase::kChanges || subscription.told_ < revision_);
}

}  // namespace lc::processor
