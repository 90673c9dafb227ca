// Figures stand in the order in which they came, and a subscriber is a place in it, as with calls (CallBoard). When its
// interval has passed it gets what has come until then, and so each processor once, as it is when it is written.
#include "processord/tree/figures_board.h"

#include <algorithm>
#include <utility>

namespace lc::processor {

void FiguresBoard::Notice::tell() const {
  for (const auto& subscription : idle_) subscription->peer_.ready();
}

bool FiguresBoard::is_due(const FiguresSubscription& subscription) const {
  return subscription.limit_ < number_ && subscription.due_at_ <= time_.now();
}

FiguresBoard::Notice FiguresBoard::take_idle() {
  Notice notice;
  for (const auto& subscription : subscriptions_) {
    if (subscription->idle_ && is_due(*subscription)) {
      subscription->idle_ = false;
      notice.idle_.push_back(subscription);
    }
  }
  return notice;
}

FiguresBoard::Notice FiguresBoard::put(fleet::FiguresAt figures) {
  auto made = std::make_shared<const fleet::FiguresAt>(std::move(figures));
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[made->path];
  order_.erase(entry.number);
  entry = {.figures = std::move(made), .number = ++number_, .at = time_.now()};
  order_.emplace_hint(order_.end(), number_, &entry);
  return take_idle();
}

void FiguresBoard::erase(Entries::iterator entry) {
  order_.erase(entry->second.number);
  entries_.erase(entry);
}

void FiguresBoard::keep(const std::function<bool(const fleet::NodePath&)>& is_there) {
  const std::lock_guard lock(mutex_);
  for (auto at = entries_.begin(); at != entries_.end();) {
    const auto entry = at++;
    if (!is_there(entry->first)) erase(entry);
  }
}

std::shared_ptr<FiguresSubscription> FiguresBoard::subscribe(FiguresSubscription::Peer peer) {
  auto subscription = std::make_shared<FiguresSubscription>(std::move(peer));
  const std::lock_guard lock(mutex_);
  subscriptions_.push_back(subscription);
  return subscription;
}

void FiguresBoard::unsubscribe(const std::shared_ptr<FiguresSubscription>& subscription) {
  const std::lock_guard lock(mutex_);
  std::erase(subscriptions_, subscription);
  if (!subscriptions_.empty()) return;
  // The processor's own are not taken any more.
  if (const auto own = entries_.find({}); own != entries_.end()) erase(own);
}

bool FiguresBoard::wanted() const {
  const std::lock_guard lock(mutex_);
  return !subscriptions_.empty();
}

FiguresPointer FiguresBoard::next(FiguresSubscription& subscription) {
  const std::lock_guard lock(mutex_);
  const auto now = time_.now();
  for (;;) {
    const auto at = order_.upper_bound(subscription.told_);
    if (at != order_.end() && at->first <= subscription.limit_) {
      subscription.told_ = at->first;
      const Entry& entry = *at->second;
      const bool passed_over = !subscription.peer_.below && !entry.figures->path.empty();
      if (passed_over || now - entry.at >= kFresh) continue;
      subscription.due_at_ = now + subscription.peer_.interval;
      return entry.figures;
    }
    subscription.told_ = subscription.limit_;
    if (!is_due(subscription)) break;
    subscription.limit_ = number_;
  }
  subscription.idle_ = true;
  return nullptr;
}

bool FiguresBoard::has_next(const FiguresSubscription& subscription) const {
  const std::lock_guard lock(mutex_);
  const auto at = order_.upper_bound(subscription.told_);
  return (at != order_.end() && at->first <= subscription.limit_) || is_due(subscription);
}

FiguresBoard::Notice FiguresBoard::tick() {
  const std::lock_guard lock(mutex_);
  return take_idle();
}

FiguresPointer FiguresBoard::latest(const fleet::NodePath& path) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(path);
  const bool there = found != entries_.end() && time_.now() - found->second.at < kFresh;
  return there ? found->second.figures : nullptr;
}

}  // namespace lc::processor
