// What a sender has taken and the receiver has not acknowledged: in memory, and on disk what memory does not hold.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "common/base/clock.h"
#include "common/packet/batch_sink.h"
#include "common/packet/send_window.h"
#include "common/packet/slab_pool.h"
#include "common/spool/record_log.h"

namespace lc::packet {

/// lippycat.data.FlowControl as the sender obeys it.
enum class Flow { kContinue, kSlow, kPause };

/// Numbers batches, keeps each until it is acknowledged, and gives them out again after a reconnect or a restart. The
/// queue is either wholly in memory, or wholly on disk with its head in memory as well. Any thread.
class SendQueue {
 public:
  struct Limits {
    std::size_t window_bytes = std::size_t{64} << 20;  // in memory: sent or not, but not acknowledged
    std::uint64_t queue_packets = 10'000;              // not sent; beyond, who can wait shall wait
    /// While told FLOW_SLOW: bytes sent and not acknowledged.
    std::size_t slow_bytes = std::size_t{4} << 20;
  };
  struct Spooling {
    bool always = false;                   // each batch is on disk before it is sent; else only what memory can't hold
    bool drop_newest = false;              // when the spool is full; else the oldest
    std::chrono::milliseconds away{1000};  // without a receiver for that long: everything goes to disk
  };
  struct Usage {
    std::size_t bytes = 0;  // in memory
    std::uint64_t pushed_packets = 0;
    std::uint64_t packets = 0;  // in flight: in memory or on disk
    std::uint64_t unsent_packets = 0;
    std::uint64_t unwritten_packets = 0;  // of those that belong on disk
    std::uint64_t recovered_packets = 0;  // found on disk at the start, damaged ones included
    std::uint64_t acknowledged_packets = 0;
    std::uint64_t dropped_full = 0;     // packets that the spool had no room for
    std::uint64_t dropped_damaged = 0;  // packets that could not be read back from it
    std::uint64_t last_sequence = 0;    // 0: none yet
    std::uint64_t acknowledged = 0;     // highest acknowledged sequence
    std::uint64_t spool_bytes = 0;      // waiting on disk
    std::int64_t spool_oldest_ns = 0;   // when the oldest of that was cut; 0: nothing is there, or not known yet
  };

  /// In memory alone. `epoch` is what its batches carry.
  SendQueue(std::string hunter_id, std::uint64_t epoch, Limits limits);
  /// Goes on with what is in `log`, under its epoch, or begins with `fresh_epoch` when there is nothing.
  SendQueue(std::string hunter_id, std::uint64_t fresh_epoch, Limits limits, std::unique_ptr<spool::RecordLog> log,
            Spooling how);
  ~SendQueue();

  /// `changed` is called on the queue's own thread when there may be more to send, or room again.
  void start(std::function<void()> changed);
  /// Ends the thread; nothing is written or read any more.
  void stop();

  /// Seals the builder's packets as the next batch and queues it. To `stats` its own drops and buffer_usage are added.
  void push(BatchBuilder& batch, BatchStats stats, std::int64_t now_ns);

  /// The next batch to send, if flow and window allow; it counts as sent from now on.
  std::optional<EncodedBatch> next();
  [[nodiscard]] bool has_next() const;

  /// A new stream begins: the receiver has everything up to `resume_after`; all else is to be sent (again). A number
  /// that was never sent counts as none.
  void rewind(std::uint64_t resume_after);

  /// The receiver has custody of everything up to `sequence`. A number that was never sent is ignored.
  void acknowledge(std::uint64_t sequence);

  void set_flow(Flow flow);
  [[nodiscard]] Flow flow() const { return flow_.load(std::memory_order_relaxed); }

  /// What the writer is doing decides what the capture side should do (see FlowSignal).
  enum class Writer { kAway, kIdle, kWriting };
  void set_writer(Writer writer);
  [[nodiscard]] FlowSignal signal() const;

  /// Puts everything on disk that is not there yet, and makes it durable. The packets that could not be put there
  /// within `limit`; without a spool, all.
  std::uint64_t save(std::chrono::milliseconds limit);

  [[nodiscard]] Usage usage() const;
  [[nodiscard]] std::uint32_t usage_percent() const;  // the fuller of queue and window
  [[nodiscard]] bool empty() const;
  /// Sent batches wait for their acknowledgement.
  [[nodiscard]] bool awaits_acknowledgement() const;
  /// Why the spool can't be written or read at the moment; empty when all is well.
  [[nodiscard]] std::string fault() const;
  [[nodiscard]] bool spools() const { return log_ != nullptr; }
  [[nodiscard]] std::uint64_t epoch() const { return epoch_; }
  [[nodiscard]] const std::string& hunter_id() const { return hunter_id_; }

 private:
  // With mutex_ held:
  [[nodiscard]] std::size_t cached_bytes() const;  // most in the window while storing_
  [[nodiscard]] bool may_send() const;
  [[nodiscard]] std::uint64_t unsent() const;
  [[nodiscard]] std::uint64_t unwritten() const;
  void forget(std::uint64_t sequence);
  void begin_storing();
  void publish();  // what signal() reads without the lock

  // The disk's thread, in send_queue_disk.cpp:
  using Lock = std::unique_lock<std::mutex>;
  void run();
  [[nodiscard]] bool anything_unwritten() const;
  [[nodiscard]] bool room_to_load() const;
  [[nodiscard]] bool may_stop_storing() const;
  [[nodiscard]] bool may_store() const;
  [[nodiscard]] bool may_load() const;
  [[nodiscard]] bool has_work() const;
  void wait_for_work(Lock& lock);
  bool store_some(Lock& lock);
  Status write(const std::vector<EncodedBatch>& batches, bool& kept);
  void drop_tail(std::size_t batches);
  void take_written(const std::vector<EncodedBatch>& batches, bool from_tail, bool nothing_was_unread);
  bool load_some(Lock& lock);
  void release(Lock& lock);
  void stop_storing(Lock& lock);
  void note_log();
  static void set_fault(Lock& lock, std::string& fault, const std::string& text);
  void run_sync();

  const std::string hunter_id_;
  std::uint64_t epoch_;
  const Limits limits_;
  const std::unique_ptr<spool::RecordLog> log_;  // the disk thread's, once it runs; null: in memory alone
  const Spooling how_;
  std::function<void()> changed_;

  mutable std::mutex mutex_;
  SendWindow window_;
  std::uint64_t last_ = 0;          // sequence
  std::uint64_t acknowledged_ = 0;  // sequence
  std::uint64_t highest_sent_ = 0;  // sequence, on any stream, by this process or one before
  std::uint64_t acknowledged_packets_ = 0;
  std::uint64_t pushed_packets_ = 0;

  // While storing_, everything up to written_ is on disk (or was dropped). Behind the window comes what is on disk
  // alone (unread_), and behind that the tail, which is not there yet. What the window holds may still be unwritten
  // only while there is nothing of either.
  bool storing_ = false;
  std::uint64_t written_ = 0;
  bool unread_ = false;
  std::deque<EncodedBatch> tail_;
  std::size_t tail_bytes_ = 0;
  std::uint64_t tail_packets_ = 0;
  std::uint64_t pushed_bytes_ = 0;  // while storing_
  std::uint64_t written_bytes_ = 0;
  std::uint64_t not_kept_packets_ = 0;  // of the tail: the spool was full

  // Of the log, as of the last operation on it:
  std::uint64_t unread_packets_ = 0;
  std::uint64_t unread_bytes_ = 0;
  spool::RecordLog::Losses losses_;
  std::uint64_t passed_over_ = 0;    // packets acknowledged before they were read
  std::uint64_t first_on_disk_ = 0;  // sequence; what the window has before it was dropped there for room
  std::uint64_t recovered_packets_ = 0;
  std::shared_ptr<File> unsynced_;

  bool release_due_ = false;
  bool announced_ = false;  // that the disk is in use
  bool stop_ = false;
  bool saving_ = false;
  int failed_reads_ = 0;
  std::string write_fault_;
  std::string read_fault_;
  Clock::time_point write_again_at_;  // not before
  Clock::time_point read_again_at_;
  std::optional<Clock::time_point> away_since_;
  std::condition_variable work_;
  std::condition_variable saved_;

  std::atomic<Flow> flow_{Flow::kContinue};
  std::atomic<Writer> writer_{Writer::kAway};
  std::atomic<std::uint64_t> unsent_packets_{0};
  std::atomic<std::size_t> window_bytes_{0};
  std::atomic<std::uint32_t> spool_percent_{0};
  std::atomic<bool> disk_behind_{false};

  SlabPool pool_{2};
  std::condition_variable sync_due_;
  std::jthread sync_thread_;
  std::jthread disk_thread_;
};

}  // namespace lc::packet
