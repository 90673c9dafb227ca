// One thread for the work of all servers: begins calls, tries again later, lets go of what gRPC's threads must not.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "common/base/clock.h"

namespace lc::watch {

class Worker {
 public:
  using Work = std::function<void()>;

  /// `name` of the thread, at most 15 characters.
  explicit Worker(std::string name);
  /// Ends after what is being done; the rest is not done.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Any thread. In order of their times, then of the calls.
  void post(Work work) { post_at(Clock::time_point::min(), std::move(work)); }
  void post_at(Clock::time_point time, Work work);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stop_ = false;
  std::uint64_t count_ = 0;
  std::map<std::pair<Clock::time_point, std::uint64_t>, Work> waiting_;
  std::jthread thread_;
};

}  // namespace lc::watch
