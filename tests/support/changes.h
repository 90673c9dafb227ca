// Waiting for what another thread does, without sleeping.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace lc::test {

/// State that threads change under its lock, and a test waits for.
class Changes {
 public:
  template <typename Function>
  void change(Function&& function) {
    const std::lock_guard lock(mutex_);
    function();
    changed_.notify_all();  // under the lock: whoever waits may end, and this with it, as soon as it is free
  }

  template <typename Function>
  auto look(Function&& function) const {
    const std::lock_guard lock(mutex_);
    return function();
  }

  /// False when the condition does not come true in time; it is asked after each change.
  template <typename Condition>
  bool wait(Condition&& condition, std::chrono::seconds limit = std::chrono::seconds(60)) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, condition);
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
};

}  // namespace lc::test
