// The figures of a processor and of those below it: the latest of each, and who is still to be told.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "common/base/clock.h"
#include "common/fleet/figures.h"

namespace lc::processor {

using FiguresPointer = std::shared_ptr<const fleet::FiguresAt>;

/// A console that wants figures, or the link to the parent; FiguresBoard keeps the state, under its lock.
class FiguresSubscription {
 public:
  struct Peer {
    bool below = true;                        // false: only of the processor itself
    std::chrono::milliseconds interval = {};  // of each processor at most this often
    std::function<void()> ready;              // there is something to send again; any thread, never under a lock
  };
  explicit FiguresSubscription(Peer peer) : peer_(std::move(peer)) {}

 private:
  friend class FiguresBoard;

  const Peer peer_;
  std::uint64_t told_ = 0;   // what came up to then has been told, as far as there is nothing later of it
  std::uint64_t limit_ = 0;  // what came up to then is being told
  Clock::time_point due_at_ = {};
  bool idle_ = false;  // and wants to hear when there is something
};

/// Any thread. Keeps one FiguresAt for each processor, so a subscriber that does not read costs nothing.
class FiguresBoard {
 public:
  /// Older ones are told to nobody; a processor with 10,000 hunters has new ones every 50 s.
  static constexpr std::chrono::seconds kFresh{60};

  /// Subscribers that have something to read again. Whoever holds a lock calls it afterwards.
  class [[nodiscard]] Notice {
   public:
    void tell() const;

   private:
    friend class FiguresBoard;
    std::vector<std::shared_ptr<FiguresSubscription>> idle_;
  };

  explicit FiguresBoard(const TimeSource& time) : time_(time) {}

  /// In place of those that were known of this processor.
  Notice put(fleet::FiguresAt figures);
  /// Forgets those of processors for which it is false.
  void keep(const std::function<bool(const fleet::NodePath&)>& is_there);

  /// To be given to unsubscribe() when its stream is over.
  std::shared_ptr<FiguresSubscription> subscribe(FiguresSubscription::Peer peer);
  void unsubscribe(const std::shared_ptr<FiguresSubscription>& subscription);
  /// Whether there is a subscriber.
  [[nodiscard]] bool wanted() const;

  /// The next to write, null: none now; one thread at a time. Then the peer's ready() tells when to come again.
  FiguresPointer next(FiguresSubscription& subscription);
  [[nodiscard]] bool has_next(const FiguresSubscription& subscription) const;
  /// Every 100 ms or so: for whom the interval has passed.
  Notice tick();

  /// Null: none, or too old.
  [[nodiscard]] FiguresPointer latest(const fleet::NodePath& path) const;

 private:
  struct Entry {
    FiguresPointer figures;
    std::uint64_t number = 0;
    Clock::time_point at;
  };
  using Entries = std::map<fleet::NodePath, Entry>;

  // With mutex_ held.
  [[nodiscard]] bool is_due(const FiguresSubscription& subscription) const;
  Notice take_idle();
  void erase(Entries::iterator entry);

  const TimeSource& time_;
  mutable std::mutex mutex_;
  std::uint64_t number_ = 0;  // of the last that came
  Entries entries_;
  std::map<std::uint64_t, const Entry*> order_;  // by number
  std::vector<std::shared_ptr<FiguresSubscription>> subscriptions_;
};

}  // namespace lc::processor
