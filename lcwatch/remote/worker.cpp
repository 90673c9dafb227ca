#include "lcwatch/remote/worker.h"

#include <pthread.h>

#include <exception>

#include "common/base/log.h"

namespace lc::watch {

Worker::Worker(std::string name) {
  thread_ = std::jthread([this, name = std::move(name)] {
    ::pthread_setname_np(::pthread_self(), name.c_str());
    run();
  });
}

Worker::~Worker() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
}

void Worker::post_at(Clock::time_point time, Work work) {
  // Under the lock: who does this work may be what the destructor waits for, and the caller is on no thread of ours.
  const std::lock_guard lock(mutex_);
  waiting_.emplace(std::pair(time, ++count_), std::move(work));
  changed_.notify_all();
}

void Worker::run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    if (waiting_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const Clock::time_point due = waiting_.begin()->first.first;
    if (due > Clock::now()) {
      changed_.wait_until(lock, due);
      continue;
    }
    {
      const auto next = waiting_.extract(waiting_.begin());
      lock.unlock();
      try {
        next.mapped()();
      } catch (const std::exception& error) {
        log::error("work for a processor failed", {{"error", error.what()}});
      }
    }  // what it held is let go outside the lock
    lock.lock();
  }
}

}  // namespace lc::watch
