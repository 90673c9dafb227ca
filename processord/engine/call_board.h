// The calls as consoles see them: what was published last of each, and who is still to be told.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/fleet/call.h"
#include "processord/engine/hunter_selection.h"

namespace lc::processor {

using CallPointer = std::shared_ptr<const fleet::Call>;

/// What a subscriber is told next: a snapshot (its begin, calls, its end), then changes. Another snapshot may begin at
/// any time; its end means that only the calls told since its begin are left. A removed call may be one that was never
/// told.
struct CallUpdate {
  enum class Kind { kCall, kRemoved, kSnapshotBegin, kSnapshotEnd };
  Kind kind = Kind::kCall;
  std::uint64_t revision = 0;  // of this change; of a snapshot's begin and end, the one up to which it is complete
  CallPointer call = nullptr;  // kCall only
  std::string id = {};         // kRemoved only
};

/// A console's SubscribeCorrelatedCalls; CallBoard keeps the state, under its lock.
class CallSubscription {
 public:
  struct Peer {
    HunterSelection hunters = std::nullopt;    // a call is wanted if a leg or stream of it is, or was, of one of these
    std::vector<std::string> calls = {};       // and if it is one of these, by id; empty: all are
    bool messages = false;                     // calls come with their messages
    std::function<void()> ready;               // there is something to send again; any thread, never under a lock
    std::function<void(const Error&)> closed;  // likewise: the stream must end
  };
  explicit CallSubscription(Peer peer) : peer_(std::move(peer)), calls_(peer_.calls.begin(), peer_.calls.end()) {}

 private:
  friend class CallBoard;
  enum class Phase { kSnapshotDue, kSnapshot, kChanges };
  enum class Messages { kThere, kAsked, kComing };

  const Peer peer_;
  std::set<std::string, std::less<>> calls_;  // as Peer, and those that they have been joined to
  Messages messages_ = Messages::kThere;      // whether calls have been published again, with messages
  Phase phase_ = Phase::kSnapshotDue;
  std::uint64_t told_ = 0;      // every call whose last change is not later has been told
  std::uint64_t snapshot_ = 0;  // the last change that the snapshot holds
  bool idle_ = false;           // and wants to hear of the next change
};

/// One thread publishes, any thread does the rest.
class CallBoard {
 public:
  /// Fewer removals than this are always remembered, for subscribers that have not been told yet.
  static constexpr std::size_t kLeastRemovals = 1'000;

  explicit CallBoard(std::size_t max_subscribers) : max_subscribers_(max_subscribers) {}

  // The publisher's. The board holds as many calls as it publishes and does not remove.

  /// Says, before anything else, that the publisher leaves out its work while nobody is there. Without subscribers the
  /// board is empty then; when one has come, `ask` is called, on any thread and never under a lock, and it gets its
  /// snapshot with the next publish_all(). What is published in between is passed over.
  void publish_on_demand(std::function<void()> ask);
  /// Whether anybody subscribes. Cheap.
  [[nodiscard]] bool wanted() const { return wanted_.load(std::memory_order_acquire); }
  /// Whether somebody waits for something: asked again, should it be unclear whether `ask` was heard.
  [[nodiscard]] bool asked() const;
  struct Asked {
    bool everything = false;                 // by publish_all()
    std::vector<std::string> with_messages;  // else these, if they are there, by publish(), and then answered()
  };
  Asked take_asked();
  void answered();
  /// Whether somebody wants this call with its messages. Cheap, while nobody wants any.
  [[nodiscard]] bool wants_messages(const std::string& id) const;
  /// These are all calls there are.
  void publish_all(std::vector<CallPointer> calls);
  /// A call that is new or has changed. Its id is UTF-8, and no other call's.
  void publish(CallPointer call);
  /// `joined_to`: the call that it is part of now; who has asked for this one by its id is told of that one. Empty:
  /// none.
  void remove(const std::string& id, const std::string& joined_to = "");

  /// Those published, least recently changed first.
  [[nodiscard]] std::vector<CallPointer> calls() const;

  /// kResourceExhausted at the limit, or what close_all() was given. To be given to unsubscribe() when its stream is
  /// over.
  Result<std::shared_ptr<CallSubscription>> subscribe(CallSubscription::Peer peer);
  void unsubscribe(const std::shared_ptr<CallSubscription>& subscription);
  /// For good.
  void close_all(const Error& reason);

  /// The next update to write; one thread at a time. After nothing, the peer's ready() tells when to come again.
  std::optional<CallUpdate> next(CallSubscription& subscription);
  [[nodiscard]] bool has_next(const CallSubscription& subscription) const;

 private:
  using Subscriptions = std::vector<std::shared_ptr<CallSubscription>>;
  struct Entry {
    CallPointer call;                  // null: it was removed
    std::vector<std::string> hunters;  // of any leg or stream it ever had
    std::uint64_t first = 0;           // revision with which it came
    std::uint64_t last = 0;            // and of its last change; 0: not in order_ yet
  };
  using Entries = std::unordered_map<std::string, Entry>;

  // With mutex_ held.
  [[nodiscard]] bool is_awaited(const CallSubscription& subscription) const;
  void put(CallPointer call);
  void mark_removed(Entries::value_type& entry);
  void move_to_end(Entries::value_type& entry);
  void forget_removals();
  [[nodiscard]] bool overtaken(const CallSubscription& subscription) const;
  [[nodiscard]] Subscriptions take_idle();

  const std::size_t max_subscribers_;
  std::atomic<bool> wanted_{false};
  std::atomic<bool> messages_wanted_{false};
  mutable std::mutex mutex_;
  std::function<void()> ask_;  // null: not on demand
  bool complete_ = true;       // what is here is all there is
  std::optional<Error> closed_;
  std::uint64_t revision_ = 0;
  Entries entries_;
  std::map<std::uint64_t, Entries::value_type*> order_;  // by revision of the last change
  std::set<std::uint64_t> removals_;                     // of those in order_, the removed ones
  std::uint64_t forgotten_ = 0;                          // revision of the newest removal that is not remembered
  Subscriptions subscriptions_;
};

}  // namespace lc::processor
