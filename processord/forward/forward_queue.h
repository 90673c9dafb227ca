// What a processor has taken from hunters below and its parent has not acknowledged: in memory, and on disk what memory
// does not hold.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "common/base/clock.h"
#include "common/packet/batch_builder.h"
#include "common/spool/record_log.h"
#include "processord/forward/lane.h"

namespace lc::processor {

/// Keeps received batches as they are, in a lane for each origin and epoch, until the parent acknowledges them. What is
/// new in a lane stays in memory, or goes to disk with the head of the lane in memory as well; all lanes share one log.
/// Any thread.
class ForwardQueue {
 public:
  using LanePointer = std::shared_ptr<Lane>;

  struct Limits {
    /// In memory; a quarter more while the disk is behind. A lane may hold as much as is still free, so that no flood
    /// takes all, and one batch in any case.
    std::size_t window_bytes = std::size_t{64} << 20;
    /// While a lane is told FLOW_SLOW: its bytes that are sent and not acknowledged.
    std::size_t slow_bytes = std::size_t{4} << 20;
  };
  struct Spooling {
    std::uint64_t fresh_epoch = 1;         // names a log that begins empty: a random number
    bool drop_newest = false;              // when the spool is full; else the oldest
    bool sync = true;                      // whether there is custody only of what survives a loss of power
    std::chrono::milliseconds away{1000};  // without the parent for that long: everything goes to disk
  };
  /// A parent that acknowledges nothing for that long is as good as none.
  static constexpr std::chrono::seconds kStalled{5};
  /// Called without any lock, on the thread whose call brought the news or on the queue's own; several at a time.
  /// What they say may be outdated by then: ask again.
  struct Events {
    /// The lane may send after next() gave nothing, or has something to send when the parent is back. Once, until
    /// next() gives nothing again.
    std::function<void(const LanePointer&)> sendable;
    std::function<void(const Origin&)> custody_grew;
    /// take() would take what it had refused.
    std::function<void(const Origin&)> room;
  };
  struct Usage : ForwardCounts {
    std::size_t bytes = 0;  // in memory
    std::uint64_t unwritten_packets = 0;
    std::uint64_t spool_bytes = 0;  // files on disk
    std::size_t origins = 0;
  };

  /// In memory alone. `time` must outlive the queue.
  ForwardQueue(Limits limits, Events events, const TimeSource& time);
  /// Goes on with what is in `log`, all of which is read once.
  ForwardQueue(Limits limits, std::unique_ptr<spool::RecordLog> log, Spooling how, Events events,
               const TimeSource& time);
  /// Leaves the disk as it is: see stop().
  ~ForwardQueue();

  /// Begins the disk's threads.
  void start();
  /// Ends them, and notes on disk what is acknowledged. Nothing is written or read any more.
  void stop();

  enum class Taken {
    kNew,
    kRepeated,  // not above what was taken for this origin and epoch before, or what the parent has
    kRefused,   // no room: to be given again after Events::room
  };
  /// Sequences of an origin and epoch rise. A new epoch is sent when those before it are acknowledged. For who holds a
  /// lock: the events that it brings are left to tell_news().
  Taken take(const Origin& origin, packet::EncodedBatch batch);
  void tell_news();

  /// Up to this sequence everything is acknowledged by the parent, or in the spool (see Spooling::sync), or was given
  /// up with a reason. 0: nothing is known of that origin and epoch.
  [[nodiscard]] std::uint64_t custody(const Origin& origin) const;

  /// There is a connection to the parent, on which streams can be opened; Events::sendable is called for each lane
  /// that has anything. Without one at first.
  void set_connected(bool connected);
  [[nodiscard]] bool is_connected() const;

  // A lane's stream, one at a time:
  /// The next batch to send, if there is one and flow allows; it counts as sent from now on.
  std::optional<packet::EncodedBatch> next(const LanePointer& lane);
  [[nodiscard]] bool has_next(const LanePointer& lane) const;
  /// A new stream begins: the parent has everything up to `resume_after`; all else is to be sent (again). Flow is
  /// kContinue.
  void rewind(const LanePointer& lane, std::uint64_t resume_after);
  /// The parent has custody of everything up to `sequence`. What is not pushed yet stays unknown.
  void acknowledge(const LanePointer& lane, std::uint64_t sequence);
  void set_flow(const LanePointer& lane, packet::Flow flow);
  /// The lane's stream is over, and another one may begin: Events::sendable is called anew when there is something to
  /// send, which that has not been told.
  void stream_ended(const LanePointer& lane);
  /// Something of it is not acknowledged.
  [[nodiscard]] bool pending(const LanePointer& lane) const;

  /// Puts everything on disk that is not there yet, and makes it durable. The packets that could not be put there
  /// within `limit`; without a spool, all.
  std::uint64_t save(std::chrono::milliseconds limit);

  [[nodiscard]] Usage usage() const;
  /// Why the spool can't be written or read at the moment; empty when all is well.
  [[nodiscard]] std::string fault() const;
  enum class Progress {
    kGood,
    kSpooled,  // the parent has acknowledged nothing for kStalled: what waits for it is in the spool
    kNone,     // and that is not so
  };
  [[nodiscard]] Progress progress() const;

  // What the disk's threads do all the time, for who does not start() them. One thread.
  /// A piece of work; false when there is nothing to do now.
  bool work();
  /// Makes durable what is written, and has what is acknowledged noted on disk.
  void sync();
  void make_durable();

 private:
  using Lock = std::unique_lock<std::mutex>;
  struct Waiting {  // to be written
    Lane* lane = nullptr;
    packet::EncodedBatch batch;
    bool in_window = false;
  };
  struct News {
    std::vector<LanePointer> sendable;
    std::vector<LanePointer> custody;
    std::vector<Origin> room;
  };
  struct Written {
    std::uint64_t arrival = 0;
    std::uint64_t number = 0;
    std::uint64_t offset = 0;
    Waiting waiting;
    LanePointer keep;  // waiting.lane may be forgotten while the disk works
  };

  // With mutex_ held, but for tell(), which lets it go:
  [[nodiscard]] LanePointer find(const Origin& origin) const;
  Lane& find_or_make(const Origin& origin);
  void forget_idle_source();
  void forget(Lane& lane);
  [[nodiscard]] bool may_grow(const Lane& lane, std::size_t bytes) const;
  [[nodiscard]] bool has_room(const Lane& lane, std::size_t bytes) const;
  [[nodiscard]] bool follows_window(const Lane& lane, std::size_t bytes) const;
  [[nodiscard]] bool accepts(const Lane& lane, std::size_t bytes) const;
  [[nodiscard]] static bool is_current(const Lane& lane);
  [[nodiscard]] bool may_send(const Lane& lane) const;
  void begin_storing(Lane& lane);
  void begin_storing_all();
  void leave_disk(Lane& lane);
  void put_in_window(Lane& lane, packet::EncodedBatch batch);
  void leave_tail(Waiting& waiting);
  void forget(Lane& lane, std::uint64_t sequence);
  void forget_front(Lane& lane);
  void stop_waiting(Lane& lane, std::uint64_t arrival);
  void now_empty(Lane& lane);
  void note_front(Lane& lane);
  void note_custody(Lane& lane);
  void note_sendable(Lane& lane);
  void note_hungry(Lane& lane);
  void note_room();
  [[nodiscard]] std::uint64_t lost_if_killed() const;
  void wake_disk();
  void tell(Lock& lock);

  // At the start, in forward_recovery.cpp:
  void recover();
  void recover(const spool::Record& record);

  // The disk's thread, in forward_disk.cpp:
  void end_threads();
  void run();
  bool work(Lock& lock);
  [[nodiscard]] bool away_too_long() const;
  [[nodiscard]] bool no_progress() const;
  [[nodiscard]] bool may_store() const;
  [[nodiscard]] bool wants_load(const Lane& lane) const;
  [[nodiscard]] bool may_load() const;
  [[nodiscard]] bool may_clear() const;
  [[nodiscard]] bool has_work() const;
  void wait_for_work(Lock& lock);
  bool store_some(Lock& lock);
  Status write(std::vector<Written>& group, bool& kept);
  void take_written(const Written& written);
  void drop_alone(Lane& lane, std::size_t index, std::uint64_t ForwardCounts::*reason);
  void drop_removed();
  void drop_tails();
  void send_tails_from_memory();
  bool load_some(Lock& lock);
  void take_loaded(Lane& lane, const Lane::Place& place, Result<packet::EncodedBatch> loaded, std::string& fault);
  Result<packet::EncodedBatch> load(const Lane::Place& place);
  void release(Lock& lock);
  void write_note(Lock& lock);
  void clear(Lock& lock);
  void note_log();
  static void set_fault(Lock& lock, std::string& fault, const std::string& text);
  void run_sync();

  const Limits limits_;
  const std::unique_ptr<spool::RecordLog> log_;  // the disk thread's, once it runs; null: in memory alone
  const Spooling how_;
  const Events events_;
  const TimeSource& time_;

  mutable std::mutex mutex_;
  std::unordered_map<std::string, Lane::Source> sources_;
  News news_;
  std::vector<LanePointer> refused_;
  ForwardCounts totals_;
  std::uint64_t arrivals_ = 0;

  std::map<std::uint64_t, Waiting> unwritten_;  // of lanes that are storing_, by arrival
  std::map<std::uint64_t, Lane*> fronts_;       // lanes by the number of their first record, if their first is one
  std::uint64_t unwritten_packets_ = 0;
  std::size_t window_bytes_ = 0;  // of all windows
  std::size_t tail_bytes_ = 0;    // of all tails
  std::size_t storing_lanes_ = 0;
  std::deque<LanePointer> hungry_;
  std::vector<LanePointer> unnoted_;  // acknowledged on disk since the last note
  std::vector<LanePointer> unsafe_;   // written since the last sync

  // Of the log, as of the last operation on it:
  std::uint64_t last_number_ = 0;    // of its last record
  std::uint64_t released_ = 0;       // as it was told
  std::uint64_t first_on_disk_ = 0;  // number
  std::uint64_t spool_bytes_ = 0;
  std::shared_ptr<File> unsynced_;
  std::uint64_t synced_number_ = 0;  // everything up to it survives a loss of power
  bool sync_failed_ = false;         // then what is in the log never will, as far as is known

  bool everything_ = false;  // goes to disk: the parent is away, or save() was called
  bool release_due_ = false;
  bool note_due_ = false;
  bool announced_ = false;  // that the disk is in use
  bool connected_ = false;
  bool stop_ = false;
  bool saving_ = false;
  std::string write_fault_;
  std::string read_fault_;
  Clock::time_point write_again_at_;  // not before
  Clock::time_point read_again_at_;
  std::optional<Clock::time_point> away_since_;
  Clock::time_point progress_at_;  // something was acknowledged, or the first thing taken
  std::condition_variable work_;
  std::condition_variable saved_;
  std::condition_variable sync_due_;
  std::jthread sync_thread_;
  std::jthread disk_thread_;
};

}  // namespace lc::processor
