// Runs operators' commands beside the capture: at most so many at a time, each for so long, and nobody waits for them.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/base/clock.h"
#include "common/base/stop_signal.h"
#include "common/base/unique_fd.h"
#include "processord/engine/command_line.h"

namespace lc::processor {

/// Commands run without a shell, in a process group of their own, with /dev/null as input and no descriptor of ours but
/// the one that takes their output. The end of each is one line in the log, with the last of what it said. Any thread.
class Hooks {
 public:
  struct Limits {
    std::size_t running = 10;
    std::size_t queued = 1'000;
    std::chrono::milliseconds time{30'000};  // of one command; its process group is killed then
  };
  struct Counters {
    std::atomic<std::uint64_t> succeeded{0};  // exit code 0
    std::atomic<std::uint64_t> failed{0};     // any other end, or it could not be started
    std::atomic<std::uint64_t> timed_out{0};
    std::atomic<std::uint64_t> dropped{0};  // the queue was full, or the stop did not leave time
  };

  Hooks() : Hooks(Limits()) {}
  explicit Hooks(Limits limits) : limits_(limits) {}
  ~Hooks();

  void start();
  /// Runs what is queued for as long as one command may take, kills the rest and counts it. What is pushed later is
  /// dropped.
  void stop();

  /// Queues the command; `values` fill its placeholders and are in its environment as HOOK_NAME. Never waits.
  void push(std::shared_ptr<const CommandLine> command, PlaceholderValues values);

  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  struct Job {
    std::shared_ptr<const CommandLine> command;
    PlaceholderValues values;
  };
  struct Child {
    std::string program;
    std::string arguments;  // for the log
    pid_t pid = 0;
    UniqueFd ended;   // pidfd
    UniqueFd output;  // a pipe; closed at its end
    std::string said;
    Clock::time_point began;
    bool killed = false;
  };

  void run();
  void start_queued();
  void begin(const Job& job);
  void wait();
  void attend(Child& child, bool readable, bool over);
  void conclude(Child& child);
  void kill_all();

  const Limits limits_;
  Counters counters_;
  WakeUp wake_up_;
  std::mutex mutex_;
  std::deque<Job> queue_;
  bool stop_ = false;

  // The thread's:
  std::vector<Child> children_;
  std::jthread thread_;
};

}  // namespace lc::processor
