// The filters as everybody sees them: what is in force, which revision each hunter should have, and who is still to be
// told.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/fleet/hunter.h"
#include "processord/engine/filter_store.h"
#include "processord/engine/filter_subscription.h"

namespace lc::processor {

/// A filter and what it has done since this processor started.
struct ListedFilter {
  FilterPointer filter;
  std::uint64_t packets_hit = 0;
  std::int64_t last_hit_ns = 0;  // capture time; 0: none
};

/// Any thread.
class FilterBoard {
 public:
  /// A subscriber that lags behind by more changes gets a snapshot in their place, if it takes one.
  static constexpr std::size_t kMostPending = 512;

  FilterBoard(const std::vector<FilterPointer>& filters, std::uint64_t revision);

  /// In force from now on. One caller at a time, in order of their revisions.
  void publish(const std::vector<FilterChange>& changes);

  /// Media endpoints for every hunter that takes snapshots: neither listed nor counted, no revision, until they are
  /// withdrawn or have expired. An id that is known is replaced.
  void announce(const std::vector<fleet::Filter>& endpoints);
  void withdraw(const std::vector<std::string>& ids);
  void expire_endpoints(std::int64_t now_ns);

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::uint64_t revision() const;
  /// Of the last change that concerns this hunter, connected or not.
  [[nodiscard]] std::uint64_t revision_for(const std::string& hunter_id) const;
  /// Null: there is none, or it is disabled.
  [[nodiscard]] FilterPointer find_enabled(std::string_view id) const;
  /// By id; of one hunter, or with an empty id all.
  [[nodiscard]] std::vector<ListedFilter> list(const std::string& hunter_id) const;
  [[nodiscard]] std::size_t count_for(const std::string& hunter_id) const;
  /// count_for() of many hunters, at one moment.
  struct Targeting {
    std::size_t everybody = 0;
    std::map<std::string, std::size_t> named;
    [[nodiscard]] std::size_t count_for(const std::string& hunter_id) const;
  };
  [[nodiscard]] Targeting targeting() const;

  /// Ids that are none are passed over. Cheap.
  void count_hits(std::string_view filter_id, std::uint64_t packets, std::int64_t last_ns);

  /// A hunter has one: its subscription before is closed. To be closed by its owner when its stream is over.
  std::shared_ptr<FilterSubscription> subscribe(FilterSubscription::Peer peer);
  void unsubscribe(const std::shared_ptr<FilterSubscription>& subscription);
  void close(const std::string& hunter_id, const Error& reason);
  void close_all(const Error& reason);

  /// The next update to write. One thread at a time; written() before the next call.
  std::optional<fleet::FilterUpdate> next(FilterSubscription& subscription);
  [[nodiscard]] bool has_next(const FilterSubscription& subscription) const;
  void written(FilterSubscription& subscription);
  /// Everything up to this revision has been written to the hunter's subscription; 0: it has none.
  [[nodiscard]] std::uint64_t written_revision(const std::string& hunter_id) const;

 private:
  struct Published {
    FilterPointer filter;
    std::uint64_t packets_hit = 0;
    std::int64_t last_hit_ns = 0;
  };
  using Subscriptions = std::vector<std::shared_ptr<FilterSubscription>>;

  // With mutex_ held.
  [[nodiscard]] std::uint64_t due_revision(const std::string& hunter_id) const;
  void begin_without_snapshot(FilterSubscription& subscription);
  Subscriptions take_subscriptions(const std::string& hunter_id);
  void note_revision(const FilterChange& change);
  void mark(FilterSubscription& subscription, const FilterChange& change);
  void mark_endpoint(FilterSubscription& subscription, const std::string& id, bool had, bool has);
  template <typename Change>
  void change_endpoints(Change&& change);
  std::optional<fleet::FilterUpdate> next_endpoint(FilterSubscription& subscription);
  std::optional<fleet::FilterUpdate> next_filter(FilterSubscription& subscription);
  fleet::FilterUpdate snapshot(FilterSubscription& subscription, std::vector<FilterPointer>& contents);

  mutable std::mutex mutex_;
  std::map<std::string, Published, std::less<>> filters_;
  std::map<std::string, FilterPointer> endpoints_;
  std::uint64_t revision_;
  std::uint64_t common_revision_;                   // of the last change that concerns all hunters
  std::map<std::string, std::uint64_t> by_hunter_;  // of later ones
  Subscriptions subscriptions_;
};

}  // namespace lc::processor
