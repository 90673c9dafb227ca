// Between what arrives and what is stored: finds out which call each packet belongs to.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "common/base/clock.h"
#include "common/calls/call_sorter.h"
#include "common/packet/batch.h"
#include "processord/engine/call_routes.h"
#include "processord/engine/call_tracker.h"
#include "processord/engine/hunter.h"
#include "processord/engine/source_times.h"

namespace lc::processor {

/// Follows calls on a thread of its own. Asked to sort, it takes every batch and hands it on, in the order in which
/// they came, once it is known of each packet whether a call claims it: media may come before its call's signalling,
/// and a fragment before the rest. That takes two seconds or 6 MiB of later packets at most; then what is known
/// decides. Asked only to watch, it gets copies, and passes over some when it is behind.
class CallStage final : private calls::CallSorter::Listener {
 public:
  struct Item {
    std::shared_ptr<Hunter> hunter;
    std::uint64_t incarnation = 0;
    std::shared_ptr<const packet::Batch> batch;
  };
  struct Sink {
    /// A batch whose packets are sorted.
    std::function<void(Item item, std::shared_ptr<const CallRoutes> routes)> sorted;
    /// Nothing that is handed on from now on belongs to this call.
    std::function<void(std::shared_ptr<const CallLabel> call)> ended;
    /// Less waits to be handed on than before.
    std::function<void()> drained;
    /// No call is learned from these files any more: theirs are over.
    std::function<void(std::vector<std::string> paths)> needless;
  };

  /// Without a sink it watches.
  CallStage(CallTracker& tracker, Sink sink);
  ~CallStage();

  /// Learns calls that are in progress from their capture files; before start().
  void recover(std::span<const std::string> paths);
  void start();
  /// Hands on everything that waits, and ends the calls that are over.
  void stop();

  /// Any thread; batches of one hunter in their order.
  void push(Item item);
  [[nodiscard]] bool sorts() const { return static_cast<bool>(sink_.sorted); }
  /// Of batches that wait to be handed on.
  [[nodiscard]] std::size_t queued_bytes() const { return queued_bytes_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t queued_packets() const { return queued_packets_.load(std::memory_order_relaxed); }

 private:
  /// A batch of which something is not decided yet; or, without one, the end of a call.
  struct Pending {
    Item item;
    Clock::time_point arrived;
    std::size_t undecided = 0;  // packets
    std::shared_ptr<CallRoutes> routes;
    std::shared_ptr<const CallLabel> ended;
  };
  /// Where a call is in the routes of the batch that was last asked for it.
  struct Place {
    std::uint64_t batch = 0;
    std::uint32_t call = 0;
  };

  void run();
  bool wait_for_work(Clock::time_point until, std::vector<Item>& items);
  void look(Item item);
  void look_at(const packet::Batch& batch, std::uint32_t source, std::uint64_t number);
  void hand_on(bool all);
  void hand_on_first();
  void sweep();
  void end(calls::CallIndex call);
  bool learn(const std::string& path, std::uint32_t source_index, std::int64_t now_ns);

  bool signalling(const calls::Call& call, calls::CallIndex index, const sip::Message& message, const sip::Sdp* sdp,
                  const calls::CallSorter::Context& context) override;
  calls::StreamMemo::Note media(calls::CallIndex call, std::span<const std::uint8_t> datagram,
                                const calls::CallSorter::Context& context, calls::StreamMemo::Note note) override;
  void removed(calls::CallIndex call) override;
  void belongs(calls::Ticket frame, calls::CallIndex call, calls::CallSorter::Part part) override;
  void settled(calls::Ticket frame) override;
  void expect(calls::StreamMemo::Note note) override { tracker_.expect(note); }
  Pending* pending(calls::Ticket frame);

  CallTracker& tracker_;
  const Sink sink_;
  std::atomic<std::size_t> queued_bytes_{0};
  std::atomic<std::uint64_t> queued_packets_{0};

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<Item> queue_;
  bool gap_ = false;  // something was passed over since the thread looked
  bool gap_is_told_ = false;
  bool stop_ = false;

  // The thread's:
  SourceTimes sources_;
  std::deque<Pending> pending_;
  std::uint64_t first_ = 1;  // number of the first of pending_
  std::size_t pending_bytes_ = 0;
  // Of pending_: most of what is found out concerns the batch that is looked at. 0, null: none.
  std::uint64_t looked_at_number_ = 0;
  Pending* looked_at_ = nullptr;
  std::vector<Place> places_;                                                    // by CallIndex
  std::unordered_map<calls::CallIndex, std::vector<std::string>> learned_from_;  // paths
  const std::string* learning_from_ = nullptr;
  std::size_t learned_ = 0;  // files that had signalling of a call
  calls::CallSorter sorter_;
  std::jthread thread_;
};

}  // namespace lc::processor
