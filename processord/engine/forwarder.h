// The way up: batches of all hunters, their own and those from below, into the queue for the parent.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/base/file.h"
#include "common/base/stop_signal.h"
#include "common/spool/open_spool.h"
#include "processord/engine/hunter.h"
#include "processord/forward/forward_queue.h"

namespace lc::processor {

struct ForwardSettings {
  ForwardQueue::Limits limits = {};
  spool::SpoolSettings spool = {};
  bool sync = true;  // whether there is custody only of what survives a loss of power
};

/// Any thread, but for construction, start() and stop().
class Forwarder {
 public:
  struct Events {
    /// By its key; null: it is not registered.
    std::function<std::shared_ptr<Hunter>(const std::string& key)> find;
    std::function<void(Hunter&)> custody_grew;  // any thread, never under a lock
  };

  /// Throws StartError when the spool can't be had. `owner`: this processor's id.
  Forwarder(const ForwardSettings& settings, const std::string& owner, Events events, const TimeSource& time);

  void start();
  /// Has what the parent has not acknowledged within a moment put on disk. What can't be put there is said.
  void stop();

  /// With the hunter's arrival_order held; queue().tell_news() when it is not any more. What there is no room for waits
  /// with the hunter (awaits_forwarding).
  void push(Hunter& hunter, const packet::Batch& batch);
  /// Readable when there may be room for some of that: time for retry().
  [[nodiscard]] int fd() const { return room_.fd(); }
  /// Likewise followed by queue().tell_news().
  void retry(Hunter& hunter);
  void retried() { room_.drain(); }

  /// A hunter that has just (re)registered: what it has custody of beyond this processor's files.
  void note_custody(Hunter& hunter) const;

  /// For the sending side; its events go to `sendable`, which is set before start().
  ForwardQueue& queue() { return queue_; }
  [[nodiscard]] const ForwardQueue& queue() const { return queue_; }
  void on_sendable(std::function<void(const ForwardQueue::LanePointer&)> sendable) { sendable_ = std::move(sendable); }

 private:
  void custody_grew(const Origin& origin);
  bool take(const Hunter& hunter, const ForwardState::Waiting& next);

  RealFileSystem files_{"forward"};
  const Events events_;
  std::function<void(const ForwardQueue::LanePointer&)> sendable_;
  WakeUp room_;
  ForwardQueue queue_;
};

}  // namespace lc::processor
