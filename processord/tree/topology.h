// A processor's tree as it knows it: itself, its hunters, and what its children told; and who is still to be told.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/fleet/processor_tree.h"

namespace lc::processor {

/// A console's SubscribeTopology, or the link to the parent; Topology keeps the state, under its lock.
class TopologySubscription {
 public:
  struct Peer {
    bool below = true;                         // false: only the processor itself and its hunters
    bool console = true;                       // it counts among max_subscribers
    std::function<void()> ready;               // there is something to send again; any thread, never under a lock
    std::function<void(const Error&)> closed;  // likewise: the stream must end
  };
  explicit TopologySubscription(Peer peer) : peer_(std::move(peer)) {}

 private:
  friend class Topology;

  const Peer peer_;
  bool snapshot_due_ = true;
  std::uint64_t told_ = 0;    // revision up to which it has been told everything
  std::uint64_t number_ = 0;  // of its last update: less, if it is not told of everything
  bool idle_ = false;         // and wants to hear of the next change
};

/// Any thread. Times are nanoseconds since 1970.
class Topology {
 public:
  /// Changes that are remembered for subscribers; one that is further behind gets a snapshot in their place.
  static constexpr std::size_t kRemembered = 4'096;

  /// Subscribers that have something to read again. Whoever holds a lock calls it afterwards.
  class [[nodiscard]] Notice {
   public:
    void tell() const;

   private:
    friend class Topology;
    std::vector<std::shared_ptr<TopologySubscription>> idle_;
  };

  Topology(fleet::Processor self, std::size_t max_subscribers, std::size_t remembered = kRemembered);

  struct Snapshot {
    std::uint64_t revision = 0;
    fleet::ProcessorTree tree;
  };
  [[nodiscard]] Snapshot snapshot() const;

  // This processor and its hunters. What says nothing new changes nothing. Functions are called under the lock: of
  // two threads that bring changes, the later one can't tell what has been overtaken. They must not come back here.
  using SelfNow = std::function<fleet::Processor()>;
  void self_changed(const SelfNow& self_now, std::int64_t now_ns);
  /// Nothing from the function: it is not connected, for the reason.
  using HunterNow = std::function<std::optional<fleet::ConnectedHunter>()>;
  void hunter_changed(const std::string& id, const HunterNow& hunter_now, const std::string& reason,
                      std::int64_t now_ns);
  void filter_updated(fleet::FilterUpdate update, std::int64_t now_ns);

  // Its children, for Hierarchy. Errors are those of fleet::apply_change().
  /// All that the child says of itself and what is below it: it is new, or can be reached again.
  Result<Notice> child_told(const fleet::ProcessorTree& child, std::int64_t now_ns);
  /// A change, as the child tells it.
  Result<Notice> child_changed(const std::string& id, const fleet::TreeChange& change);
  /// Its link broke; it stays in the tree. Nothing happens when it is not there.
  Notice child_lost(const std::string& id, const std::string& reason, std::int64_t now_ns);
  Notice child_removed(const std::string& id, const std::string& reason, std::int64_t now_ns);

  /// kResourceExhausted at the limit, or what close_all() was given. To be given to unsubscribe() when its stream is
  /// over.
  Result<std::shared_ptr<TopologySubscription>> subscribe(TopologySubscription::Peer peer);
  void unsubscribe(const std::shared_ptr<TopologySubscription>& subscription);
  /// For good.
  void close_all(const Error& reason);

  /// The next update to write; one thread at a time. After nothing, the peer's ready() tells when to come again.
  std::optional<fleet::TopologyUpdate> next(TopologySubscription& subscription);
  [[nodiscard]] bool has_next(const TopologySubscription& subscription) const;

 private:
  using EventOf = std::function<std::optional<fleet::TreeEvent>(const fleet::ProcessorTree&)>;
  void happened(std::int64_t now_ns, const EventOf& event_of);

  // With mutex_ held.
  Status change(fleet::TreeChange change);
  void replace(fleet::ProcessorTree tree, std::vector<fleet::TreeChange> changes);
  [[nodiscard]] bool overtaken(const TopologySubscription& subscription) const;
  Notice take_idle();

  const std::size_t max_subscribers_;
  const std::size_t remembered_;
  mutable std::mutex mutex_;
  std::optional<Error> closed_;
  fleet::ProcessorTree tree_;
  std::uint64_t revision_ = 1;                // of tree_
  std::deque<fleet::TreeChangePointer> log_;  // the last changes; the newest one made revision_
  std::vector<std::shared_ptr<TopologySubscription>> subscriptions_;
};

}  // namespace lc::processor
