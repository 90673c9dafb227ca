// A stop request that poll() can wait for.
#pragma once

#include <atomic>

#include "common/base/unique_fd.h"

namespace lc {

/// An eventfd with a meaning: wake() makes fd() readable until drained. Any thread.
class WakeUp {
 public:
  WakeUp();  // throws std::system_error when no descriptor is left
  void wake() noexcept;
  void drain() noexcept;
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

/// Set once; stays set. Any thread.
class StopSignal {
 public:
  void request() noexcept {
    requested_.store(true, std::memory_order_release);
    wake_up_.wake();
  }
  [[nodiscard]] bool requested() const { return requested_.load(std::memory_order_acquire); }
  [[nodiscard]] int fd() const { return wake_up_.fd(); }

 private:
  std::atomic<bool> requested_{false};
  WakeUp wake_up_;
};

}  // namespace lc
