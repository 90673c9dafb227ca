// What one hunter has still to be told of the filters.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "processord/engine/filter_store.h"

namespace lc::processor {

/// Ids whose newest state has not been sent, in the order in which they first changed. Contents are looked up when they
/// are sent, so that an id waits once, however often it changes.
class PendingFilters {
 public:
  struct Entry {
    std::string id;
    std::uint64_t first_revision = 0;  // of the first change that has not been sent
    bool had = false;                  // the peer has a version of it
    bool unchanged = false;            // and that is the newest
  };

  void add(Entry entry) {
    if (const auto [known, added] = order_.emplace(entry.id, next_); added) {
      entries_.emplace(next_++, std::move(entry));
    } else {
      entries_.at(known->second).unchanged = false;
    }
  }
  /// What the peer never had and need not have is no news.
  void drop_if_unknown(const std::string& id) {
    const auto found = order_.find(id);
    if (found == order_.end() || entries_.at(found->second).had) return;
    entries_.erase(found->second);
    order_.erase(found);
  }
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  Entry& front() { return entries_.begin()->second; }
  void pop_front() {
    order_.erase(front().id);
    entries_.erase(entries_.begin());
  }
  void clear() {
    entries_.clear();
    order_.clear();
  }

 private:
  std::map<std::uint64_t, Entry> entries_;
  std::unordered_map<std::string, std::uint64_t> order_;
  std::uint64_t next_ = 0;
};

/// A hunter's SubscribeFilters; FilterBoard keeps the state, under its lock.
class FilterSubscription {
 public:
  struct Peer {
    std::string hunter_id;
    bool takes_snapshots = false;
    // What its registration answered, if it takes no snapshots: what has changed since must not be lost on it.
    std::vector<FilterPointer> given = {};
    std::function<void()> ready;               // there is something to send; any thread, never under a lock
    std::function<void(const Error&)> closed;  // likewise: the stream must end
  };
  explicit FilterSubscription(Peer peer) : peer_(std::move(peer)) {}

 private:
  friend class FilterBoard;

  const Peer peer_;
  bool snapshot_due_ = false;
  PendingFilters filters_;
  PendingFilters endpoints_;
  std::uint64_t told_ = 0;     // revision of the newest update given out
  std::uint64_t written_ = 0;  // and of the newest one written
  bool writing_ = false;
};

}  // namespace lc::processor
