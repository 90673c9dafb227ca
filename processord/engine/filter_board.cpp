// An update carries a revision that is true of the hunter once it has applied it: all changes up to there are sent.
#include "processord/engine/filter_board.h"

#include <algorithm>
#include <utility>

#include "common/base/text.h"

namespace lc::processor {
namespace {

using fleet::FilterUpdateType;

// Of a deletion.
fleet::Filter name_only(const std::string& id, fleet::FilterType type) {
  fleet::Filter filter;
  filter.id = id;
  filter.type = type;
  return filter;
}

}  // namespace

FilterBoard::FilterBoard(const std::vector<FilterPointer>& filters, std::uint64_t revision)
    : revision_(revision), common_revision_(revision) {
  for (const FilterPointer& filter : filters) filters_[filter->id] = {filter};
}

void FilterBoard::publish(const std::vector<FilterChange>& changes) {
  Subscriptions concerned;
  {
    const std::lock_guard lock(mutex_);
    for (const FilterChange& change : changes) {
      if (change.after) {
        filters_[change.id].filter = change.after;
      } else {
        filters_.erase(change.id);
      }
      note_revision(change);
      for (const auto& subscription : subscriptions_) {
        if (change.concerns(subscription->peer_.hunter_id)) mark(*subscription, change);
      }
    }
    for (const auto& subscription : subscriptions_) {
      if (subscription->snapshot_due_ || !subscription->filters_.empty()) concerned.push_back(subscription);
    }
  }
  for (const auto& subscription : concerned) subscription->peer_.ready();
}

void FilterBoard::note_revision(const FilterChange& change) {
  revision_ = change.revision;
  for (const FilterPointer& filter : {change.before, change.after}) {
    if (!filter) continue;
    if (filter->target_hunters.empty()) {
      common_revision_ = revision_;
      by_hunter_.clear();
      return;
    }
    for (const std::string& id : filter->target_hunters) by_hunter_[id] = revision_;
  }
}

std::uint64_t FilterBoard::due_revision(const std::string& hunter_id) const {
  const auto found = by_hunter_.find(hunter_id);
  return found == by_hunter_.end() ? common_revision_ : found->second;
}

void FilterBoard::mark(FilterSubscription& subscription, const FilterChange& change) {
  if (subscription.snapshot_due_) return;
  const std::string& hunter_id = subscription.peer_.hunter_id;
  const bool had = change.before && targets(*change.before, hunter_id);
  const bool has = change.after && targets(*change.after, hunter_id);
  subscription.filters_.add({.id = change.id, .first_revision = change.revision, .had = had});
  if (subscription.peer_.takes_snapshots) {
    // Even what the peer never had is said to be gone: that carries the revision.
    if (subscription.filters_.size() > kMostPending) subscription.snapshot_due_ = true;
  } else if (!has) {
    subscription.filters_.drop_if_unknown(change.id);
  }
}

void FilterBoard::mark_endpoint(FilterSubscription& subscription, const std::string& id, bool had, bool has) {
  if (subscription.snapshot_due_) return;
  subscription.endpoints_.add({.id = id, .had = had});
  if (!has) subscription.endpoints_.drop_if_unknown(id);
  if (subscription.endpoints_.size() > kMostPending) subscription.snapshot_due_ = true;
}

template <typename Change>
void FilterBoard::change_endpoints(Change&& change) {
  Subscriptions concerned;
  {
    const std::lock_guard lock(mutex_);
    change([&](const std::string& id, bool had, bool has) {
      for (const auto& subscription : subscriptions_) {
        if (subscription->peer_.takes_snapshots) mark_endpoint(*subscription, id, had, has);
      }
    });
    for (const auto& subscription : subscriptions_) {
      if (subscription->snapshot_due_ || !subscription->endpoints_.empty()) concerned.push_back(subscription);
    }
  }
  for (const auto& subscription : concerned) subscription->peer_.ready();
}

void FilterBoard::announce(const std::vector<fleet::Filter>& endpoints) {
  change_endpoints([&](const auto& mark_for_all) {
    for (const fleet::Filter& endpoint : endpoints) {
      FilterPointer& known = endpoints_[endpoint.id];
      if (known && *known == endpoint) continue;
      const bool had = known != nullptr;
      known = std::make_shared<const fleet::Filter>(endpoint);
      mark_for_all(endpoint.id, had, true);
    }
  });
}

void FilterBoard::withdraw(const std::vector<std::string>& ids) {
  change_endpoints([&](const auto& mark_for_all) {
    for (const std::string& id : ids) {
      if (endpoints_.erase(id) > 0) mark_for_all(id, true, false);
    }
  });
}

void FilterBoard::expire_endpoints(std::int64_t now_ns) {
  change_endpoints([&](const auto& mark_for_all) {
    std::erase_if(endpoints_, [&](const auto& entry) {
      const std::int64_t end = entry.second->expires_at_ns;
      if (end == 0 || end > now_ns) return false;
      mark_for_all(entry.first, true, false);
      return true;
    });
  });
}

std::size_t FilterBoard::size() const {
  const std::lock_guard lock(mutex_);
  return filters_.size();
}

std::uint64_t FilterBoard::revision() const {
  const std::lock_guard lock(mutex_);
  return revision_;
}

std::uint64_t FilterBoard::revision_for(const std::string& hunter_id) const {
  const std::lock_guard lock(mutex_);
  return due_revision(hunter_id);
}

FilterPointer FilterBoard::find_enabled(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  const auto found = filters_.find(id);
  return found == filters_.end() || !found->second.filter->enabled ? nullptr : found->second.filter;
}

std::vector<ListedFilter> FilterBoard::list(const std::string& hunter_id) const {
  const std::lock_guard lock(mutex_);
  std::vector<ListedFilter> listed;
  for (const auto& [id, entry] : filters_) {
    if (!hunter_id.empty() && !targets(*entry.filter, hunter_id)) continue;
    listed.push_back({entry.filter, entry.packets_hit, entry.last_hit_ns});
  }
  return listed;
}

std::size_t FilterBoard::count_for(const std::string& hunter_id) const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(std::count_if(
      filters_.begin(), filters_.end(), [&](const auto& entry) { return targets(*entry.second.filter, hunter_id); }));
}

FilterBoard::Targeting FilterBoard::targeting() const {
  const std::lock_guard lock(mutex_);
  Targeting targeting;
  for (const auto& entry : filters_) {
    const auto& hunters = entry.second.filter->target_hunters;
    if (hunters.empty()) ++targeting.everybody;
    for (auto id = hunters.begin(); id != hunters.end(); ++id) {
      if (std::find(hunters.begin(), id, *id) == id) ++targeting.named[*id];
    }
  }
  return targeting;
}

std::size_t FilterBoard::Targeting::count_for(const std::string& hunter_id) const {
  const auto found = named.find(hunter_id);
  return everybody + (found == named.end() ? 0 : found->second);
}

void FilterBoard::count_hits(std::string_view filter_id, std::uint64_t packets, std::int64_t last_ns) {
  const std::lock_guard lock(mutex_);
  const auto found = filters_.find(filter_id);
  if (found == filters_.end()) return;
  found->second.packets_hit += packets;
  found->second.last_hit_ns = std::max(found->second.last_hit_ns, last_ns);
}

std::shared_ptr<FilterSubscription> FilterBoard::subscribe(FilterSubscription::Peer peer) {
  auto subscription = std::make_shared<FilterSubscription>(std::move(peer));
  const std::string& hunter_id = subscription->peer_.hunter_id;
  Subscriptions before;
  {
    const std::lock_guard lock(mutex_);
    before = take_subscriptions(hunter_id);
    if (subscription->peer_.takes_snapshots) {
      subscription->snapshot_due_ = true;
    } else {
      begin_without_snapshot(*subscription);
    }
    subscriptions_.push_back(subscription);
  }
  for (const auto& other : before) {
    other->peer_.closed({Code::kAborted, "hunter " + quoted(hunter_id) + " has subscribed again"});
  }
  return subscription;
}

// The peer may have everything already, from its registration: an addition that it passes over does no harm then, but
// what was changed or taken away since must be deleted first.
void FilterBoard::begin_without_snapshot(FilterSubscription& subscription) {
  const std::string& hunter_id = subscription.peer_.hunter_id;
  const std::uint64_t revision = due_revision(hunter_id);
  std::map<std::string, FilterPointer> given;
  for (const FilterPointer& filter : subscription.peer_.given) given[filter->id] = filter;
  for (const auto& [id, entry] : filters_) {
    if (!targets(*entry.filter, hunter_id)) continue;
    const auto known = given.find(id);
    const bool had = known != given.end();
    subscription.filters_.add(
        {.id = id, .first_revision = revision, .had = had, .unchanged = had && known->second == entry.filter});
    if (had) given.erase(known);
  }
  for (const auto& [id, filter] : given) subscription.filters_.add({.id = id, .first_revision = revision, .had = true});
}

FilterBoard::Subscriptions FilterBoard::take_subscriptions(const std::string& hunter_id) {
  const auto taken = std::stable_partition(subscriptions_.begin(), subscriptions_.end(),
                                           [&](const auto& other) { return other->peer_.hunter_id != hunter_id; });
  Subscriptions result(taken, subscriptions_.end());
  subscriptions_.erase(taken, subscriptions_.end());
  return result;
}

void FilterBoard::unsubscribe(const std::shared_ptr<FilterSubscription>& subscription) {
  const std::lock_guard lock(mutex_);
  std::erase(subscriptions_, subscription);
}

void FilterBoard::close(const std::string& hunter_id, const Error& reason) {
  Subscriptions closed;
  {
    const std::lock_guard lock(mutex_);
    closed = take_subscriptions(hunter_id);
  }
  for (const auto& subscription : closed) subscription->peer_.closed(reason);
}

void FilterBoard::close_all(const Error& reason) {
  Subscriptions closed;
  {
    const std::lock_guard lock(mutex_);
    closed = std::exchange(subscriptions_, {});
  }
  for (const auto& subscription : closed) subscription->peer_.closed(reason);
}

std::optional<fleet::FilterUpdate> FilterBoard::next(FilterSubscription& subscription) {
  std::optional<fleet::FilterUpdate> update;
  std::vector<FilterPointer> contents;
  {
    const std::lock_guard lock(mutex_);
    if (subscription.snapshot_due_) {
      update = snapshot(subscription, contents);
    } else {
      update = next_endpoint(subscription);
      if (!update) update = next_filter(subscription);
    }
    if (update) subscription.writing_ = true;
  }
  if (update) {
    update->snapshot.reserve(contents.size());  // copied without the lock
    for (const FilterPointer& filter : contents) update->snapshot.push_back(*filter);
  }
  return update;
}

fleet::FilterUpdate FilterBoard::snapshot(FilterSubscription& subscription, std::vector<FilterPointer>& contents) {
  const std::string& hunter_id = subscription.peer_.hunter_id;
  subscription.snapshot_due_ = false;
  subscription.filters_.clear();
  subscription.endpoints_.clear();
  subscription.told_ = due_revision(hunter_id);
  for (const auto& [id, entry] : filters_) {
    if (targets(*entry.filter, hunter_id)) contents.push_back(entry.filter);
  }
  for (const auto& [id, endpoint] : endpoints_) contents.push_back(endpoint);
  return {.type = FilterUpdateType::kSnapshot, .filter = {}, .revision = subscription.told_, .snapshot = {}};
}

std::optional<fleet::FilterUpdate> FilterBoard::next_endpoint(FilterSubscription& subscription) {
  if (subscription.endpoints_.empty()) return std::nullopt;
  const PendingFilters::Entry entry = subscription.endpoints_.front();
  subscription.endpoints_.pop_front();
  const auto now = endpoints_.find(entry.id);
  fleet::FilterUpdate update{.type = FilterUpdateType::kDelete,
                             .filter = name_only(entry.id, fleet::FilterType::kMediaEndpoint),
                             .revision = subscription.told_,
                             .snapshot = {}};
  if (now != endpoints_.end()) {
    update.type = entry.had ? FilterUpdateType::kModify : FilterUpdateType::kAdd;
    update.filter = *now->second;
  }
  return update;
}

std::optional<fleet::FilterUpdate> FilterBoard::next_filter(FilterSubscription& subscription) {
  PendingFilters& pending = subscription.filters_;
  if (pending.empty()) return std::nullopt;
  const std::string& hunter_id = subscription.peer_.hunter_id;
  const PendingFilters::Entry entry = pending.front();
  const auto found = filters_.find(entry.id);
  const bool has = found != filters_.end() && targets(*found->second.filter, hunter_id);
  fleet::FilterUpdate update;
  if (has && entry.had && !entry.unchanged && !subscription.peer_.takes_snapshots) {
    // Peers of the reference pass over an addition of what they know: it comes with the next call.
    pending.front().had = false;
    update.type = FilterUpdateType::kDelete;
    update.filter = name_only(entry.id, found->second.filter->type);
  } else {
    pending.pop_front();
    const bool modify = entry.had && !entry.unchanged;
    update.type = !has ? FilterUpdateType::kDelete : modify ? FilterUpdateType::kModify : FilterUpdateType::kAdd;
    update.filter = has ? *found->second.filter : name_only(entry.id, fleet::FilterType::kSipUser);
  }
  const std::uint64_t complete = pending.empty() ? due_revision(hunter_id) : pending.front().first_revision - 1;
  update.revision = subscription.told_ = std::max(subscription.told_, complete);
  return update;
}

bool FilterBoard::has_next(const FilterSubscription& subscription) const {
  const std::lock_guard lock(mutex_);
  return subscription.snapshot_due_ || !subscription.filters_.empty() || !subscription.endpoints_.empty();
}

void FilterBoard::written(FilterSubscription& subscription) {
  const std::lock_guard lock(mutex_);
  subscription.writing_ = false;
  subscription.written_ = subscription.told_;
}

std::uint64_t FilterBoard::written_revision(const std::string& hunter_id) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(subscriptions_.begin(), subscriptions_.end(),
                                  [&](const auto& other) { return other->peer_.hunter_id == hunter_id; });
  if (found == subscriptions_.end()) return 0;
  const FilterSubscription& subscription = **found;
  // What was taken back before it was sent leaves nothing to write.
  if (!subscription.writing_ && !subscription.snapshot_due_ && subscription.filters_.empty()) {
    return due_revision(hunter_id);
  }
  return subscription.written_;
}

}  // namespace lc::processor
