// The tree is a value that shares its unchanged parts with the one before, so a snapshot costs nothing, whoever wants
// one. Subscribers are places in one log of changes: one that does not read costs nothing either, and one that the log
// has passed by gets a snapshot.
#include "processord/tree/topology.h"

#include <algorithm>
#include <utility>

namespace lc::processor {
namespace {

/// Whether it concerns the processor itself or its hunters.
bool is_own(const fleet::TreeChange& change) {
  return change.path.empty() && !std::holds_alternative<fleet::ProcessorConnected>(change.event) &&
         !std::holds_alternative<fleet::ProcessorRemoved>(change.event) &&
         !std::holds_alternative<fleet::ReachabilityChanged>(change.event);
}

fleet::HunterPointer hunter_of(const fleet::ProcessorTree& tree, const std::string& id) {
  const auto found = std::ranges::find(tree->hunters, id, [](const auto& hunter) { return hunter->description.id; });
  return found == tree->hunters.end() ? nullptr : *found;
}

fleet::TreeChange told_by(const std::string& child, fleet::TreeChange change) {
  change.path.insert(change.path.begin(), child);
  return change;
}

}  // namespace

void Topology::Notice::tell() const {
  for (const auto& subscription : idle_) subscription->peer_.ready();
}

Topology::Topology(fleet::Processor self, std::size_t max_subscribers, std::size_t remembered)
    : max_subscribers_(max_subscribers),
      remembered_(remembered),
      tree_(std::make_shared<const fleet::ProcessorNode>(fleet::ProcessorNode{.processor = std::move(self)})) {}

Topology::Snapshot Topology::snapshot() const {
  const std::lock_guard lock(mutex_);
  return {revision_, tree_};
}

Status Topology::change(fleet::TreeChange change) {
  const Result<fleet::ProcessorTree> changed = fleet::apply_change(tree_, change);
  if (!changed) return changed.error();
  std::vector<fleet::TreeChange> changes;
  changes.push_back(std::move(change));
  replace(*changed, std::move(changes));
  return {};
}

void Topology::replace(fleet::ProcessorTree tree, std::vector<fleet::TreeChange> changes) {
  tree_ = std::move(tree);
  revision_ += changes.size();
  for (fleet::TreeChange& change : changes) {
    log_.push_back(std::make_shared<const fleet::TreeChange>(std::move(change)));
    if (log_.size() > remembered_) log_.pop_front();
  }
}

Topology::Notice Topology::take_idle() {
  Notice notice;
  for (const auto& subscription : subscriptions_) {
    if (subscription->told_ < revision_ && std::exchange(subscription->idle_, false)) {
      notice.idle_.push_back(subscription);
    }
  }
  return notice;
}

/// What happens to this processor itself; nothing when there is no event.
void Topology::happened(std::int64_t now_ns, const EventOf& event_of) {
  Notice notice;
  {
    const std::lock_guard lock(mutex_);
    std::optional<fleet::TreeEvent> event = event_of(tree_);
    if (!event) return;
    (void)change({.time_ns = now_ns, .path = {}, .event = std::move(*event)});
    notice = take_idle();
  }
  notice.tell();
}

void Topology::self_changed(const SelfNow& self_now, std::int64_t now_ns) {
  happened(now_ns, [&](const fleet::ProcessorTree& tree) -> std::optional<fleet::TreeEvent> {
    fleet::Processor self = self_now();
    if (tree->processor == self) return std::nullopt;
    return fleet::ProcessorChanged{std::move(self)};
  });
}

void Topology::hunter_changed(const std::string& id, const HunterNow& hunter_now, const std::string& reason,
                              std::int64_t now_ns) {
  happened(now_ns, [&](const fleet::ProcessorTree& tree) -> std::optional<fleet::TreeEvent> {
    const fleet::HunterPointer before = hunter_of(tree, id);
    std::optional<fleet::ConnectedHunter> now = hunter_now();
    if (!now) return before ? std::optional<fleet::TreeEvent>(fleet::HunterDisconnected{id, reason}) : std::nullopt;
    if (before) {
      if (*before == *now) return std::nullopt;
      fleet::ConnectedHunter same = *before;
      same.status = now->status;
      if (same == *now) return fleet::HunterStatusChanged{id, before->status, now->status};
    }
    return fleet::HunterConnected{std::make_shared<const fleet::ConnectedHunter>(std::move(*now))};
  });
}

void Topology::filter_updated(fleet::FilterUpdate update, std::int64_t now_ns) {
  happened(now_ns, [&](const fleet::ProcessorTree&) -> std::optional<fleet::TreeEvent> {
    return fleet::FilterUpdated{std::move(update)};
  });
}

Result<Topology::Notice> Topology::child_told(const fleet::ProcessorTree& child, std::int64_t now_ns) {
  const std::string& id = child->processor.id;
  const std::lock_guard lock(mutex_);
  fleet::TreeChange connected{.time_ns = now_ns, .path = {}, .event = fleet::ProcessorConnected{child}};
  const Result<fleet::ProcessorTree> tree = fleet::apply_change(tree_, connected);
  if (!tree) return tree.error();
  std::vector<fleet::TreeChange> changes;
  if (const fleet::ProcessorTree before = fleet::find(tree_, {id}); !before) {
    changes.push_back(std::move(connected));
  } else {
    if (!before->link.reachable) {
      changes.push_back({.time_ns = now_ns, .path = {}, .event = fleet::ReachabilityChanged{id, {}}});
    }
    for (fleet::TreeChange& change :
         fleet::changes_between(before, child, now_ns, "gone when \"" + id + "\" came back")) {
      changes.push_back(told_by(id, std::move(change)));
    }
  }
  replace(*tree, std::move(changes));
  return take_idle();
}

Result<Topology::Notice> Topology::child_changed(const std::string& id, const fleet::TreeChange& change) {
  const std::lock_guard lock(mutex_);
  if (const Status done = this->change(told_by(id, change)); !done) return done.error();
  return take_idle();
}

Topology::Notice Topology::child_lost(const std::string& id, const std::string& reason, std::int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  const fleet::ProcessorTree child = fleet::find(tree_, {id});
  if (!child || !child->link.reachable) return {};
  const fleet::Reachability link{.reachable = false, .reason = reason, .since_ns = now_ns};
  (void)change({.time_ns = now_ns, .path = {}, .event = fleet::ReachabilityChanged{id, link}});
  return take_idle();
}

Topology::Notice Topology::child_removed(const std::string& id, const std::string& reason, std::int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  const fleet::ProcessorTree child = fleet::find(tree_, {id});
  if (!child) return {};
  (void)change({.time_ns = now_ns, .path = {}, .event = fleet::ProcessorRemoved{id, child->processor.address, reason}});
  return take_idle();
}

Result<std::shared_ptr<TopologySubscription>> Topology::subscribe(TopologySubscription::Peer peer) {
  const auto subscription = std::make_shared<TopologySubscription>(std::move(peer));
  const std::lock_guard lock(mutex_);
  if (closed_) return *closed_;
  const auto consoles = std::ranges::count_if(subscriptions_, [](const auto& one) { return one->peer_.console; });
  if (subscription->peer_.console && static_cast<std::size_t>(consoles) >= max_subscribers_) {
    return Error{Code::kResourceExhausted,
                 "maximum number of subscribers of the topology reached: limit " + std::to_string(max_subscribers_)};
  }
  subscriptions_.push_back(subscription);
  return subscription;
}

void Topology::unsubscribe(const std::shared_ptr<TopologySubscription>& subscription) {
  const std::lock_guard lock(mutex_);
  std::erase(subscriptions_, subscription);
}

void Topology::close_all(const Error& reason) {
  std::vector<std::shared_ptr<TopologySubscription>> closed;
  {
    const std::lock_guard lock(mutex_);
    closed_ = reason;
    closed = subscriptions_;
  }
  for (const auto& subscription : closed) subscription->peer_.closed(reason);
}

bool Topology::overtaken(const TopologySubscription& subscription) const {
  return revision_ - subscription.told_ > log_.size();
}

std::optional<fleet::TopologyUpdate> Topology::next(TopologySubscription& subscription) {
  const std::lock_guard lock(mutex_);
  if (subscription.snapshot_due_ || overtaken(subscription)) {
    subscription.snapshot_due_ = false;
    subscription.told_ = subscription.number_ = revision_;
    if (subscription.peer_.below) return fleet::TopologyUpdate{.revision = revision_, .snapshot = tree_};
    fleet::ProcessorNode own = *tree_;
    own.children.clear();
    return fleet::TopologyUpdate{.revision = revision_, .snapshot = std::make_shared<const fleet::ProcessorNode>(own)};
  }
  while (subscription.told_ < revision_) {
    const fleet::TreeChangePointer& change = log_[log_.size() - (revision_ - subscription.told_)];
    ++subscription.told_;
    if (!subscription.peer_.below && !is_own(*change)) continue;
    return fleet::TopologyUpdate{.revision = ++subscription.number_, .change = change};
  }
  subscription.idle_ = true;
  return std::nullopt;
}

bool Topology::has_next(const TopologySubscription& subscription) const {
  const std::lock_guard lock(mutex_);
  return subscription.snapshot_due_ || subscription.told_ < revision_;
}

}  // namespace lc::processor
