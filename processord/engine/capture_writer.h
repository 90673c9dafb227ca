// The thread that stores: takes batches from a bounded queue, writes them, commits, and so gains custody.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/base/counters.h"
#include "common/packet/batch.h"
#include "processord/engine/capture_output.h"
#include "processord/engine/hunter.h"

namespace lc::processor {

/// One writer thread of its own; the other calls from any thread.
class CaptureWriter {
 public:
  struct Counters {
    std::atomic<std::uint64_t> stored{0};      // packets committed
    std::atomic<std::uint64_t> live_only{0};   // packets taken while no file is asked for
    std::atomic<std::uint64_t> in_flight{0};   // packets taken, but neither
    std::atomic<std::uint64_t> given_back{0};  // packets taken and lost before they were stored: they come again
    DropCounters dropped;
  };
  struct Events {
    std::function<void(Hunter&)> custody_grew;
    std::function<void()> drained;                          // bytes left the queue
    std::function<void(const std::string&)> unstored_lost;  // see Hunter::forget_unstored
    std::function<void()> fault_changed;                    // see fault()
  };

  /// Without an output packets are taken and acknowledged, and kept nowhere.
  CaptureWriter(std::unique_ptr<CaptureOutput> output, std::string path, SyncPolicy policy, Events events);
  ~CaptureWriter();

  void start();
  /// Stores what is queued, commits, closes the file. What a full or failing disk does not take is left unacknowledged.
  void stop();

  /// `incarnation`: the hunter's when the batch arrived. `routes`: which of its packets belong to calls; null: none.
  /// A call that was routed to must be given to end_call() later, also when more of it comes after such an end: that
  /// goes into new files.
  void push(std::shared_ptr<Hunter> hunter, std::uint64_t incarnation, std::shared_ptr<const packet::Batch> batch,
            std::shared_ptr<const CallRoutes> routes = nullptr);

  /// Closes the call's files as soon as what was pushed before is committed.
  void end_call(std::shared_ptr<const CallLabel> call);

  /// Before start(): files, closed by now, of calls that had not ended when an earlier process was stopped or killed;
  /// also those that were told to earlier processes, until they are forgotten.
  [[nodiscard]] std::vector<std::string> interrupted_calls() const;
  /// These of them need not be told to the next process.
  void forget_interrupted(std::vector<std::string> paths);

  /// Ends the files that are open, if they are in a directory, as soon as what they hold is committed.
  void rotate();

  [[nodiscard]] std::size_t queued_bytes() const { return queued_bytes_.load(); }
  [[nodiscard]] const Counters& counters() const { return counters_; }
  /// Why nothing can be stored at the moment; empty when all is well.
  [[nodiscard]] std::string fault() const;

 private:
  struct Item {
    std::shared_ptr<Hunter> hunter;
    std::uint64_t incarnation = 0;
    std::shared_ptr<const packet::Batch> batch;
    std::shared_ptr<const CallRoutes> routes;
    std::function<void(CaptureOutput&)> order;  // in place of a batch
  };
  struct Written {  // and not committed
    std::shared_ptr<Hunter> hunter;
    std::uint64_t epoch = 0;
    std::uint64_t sequence = 0;
  };

  // False: a stop was requested while the disk takes nothing, or lost_ says what is gone.
  bool store(std::vector<Item>& items);
  bool write(const Item& item);
  bool flush();
  bool commit();
  bool rotate_if_due();
  bool recover(const Error& error);
  bool wait_to_retry();  // false: a stop was requested first
  bool open_again();     // likewise

  void give(std::function<void(CaptureOutput&)> order);
  void carry_out(Item& item);
  bool finish_ended_calls();
  [[nodiscard]] Clock::duration commit_interval() const;

  void run();
  bool wait_for_work();  // false: stopped, and the queue is empty
  void note_written(const Item& item);
  void leave_queue(Item& item);
  void give_back(std::uint64_t packets);
  [[nodiscard]] bool commit_due() const;
  [[nodiscard]] bool rotation_due() const;
  [[nodiscard]] std::vector<StoredPosition> positions() const;  // of what is written
  void start_over();
  void set_fault(const std::string& text);

  std::unique_ptr<CaptureOutput> output_;
  const std::string path_;
  const SyncPolicy policy_;
  const Events events_;
  Counters counters_;

  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<Item> queue_;
  bool stop_ = false;
  std::atomic<bool> rotate_{false};
  std::string fault_;
  std::atomic<std::size_t> queued_bytes_{0};

  // The writer thread's own:
  std::vector<Written> written_;
  std::uint64_t written_batches_ = 0;
  std::uint64_t written_packets_ = 0;
  std::uint64_t unkept_packets_ = 0;  // of no file
  std::uint64_t left_out_packets_ = 0;
  std::size_t written_bytes_ = 0;
  Clock::time_point first_written_at_;
  std::string lost_;  // why what was written since the last commit is gone; empty when it is not

  std::jthread thread_;
};

}  // namespace lc::processor
