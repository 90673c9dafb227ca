// Signals as something to wait for, instead of handlers.
#pragma once

#include <chrono>
#include <initializer_list>
#include <optional>

#include "common/base/unique_fd.h"

namespace lc {

/// Blocks the given signals for this thread and all it starts; make it before any thread. signalfd(2).
class Signals {
 public:
  Signals(std::initializer_list<int> numbers);  // throws std::system_error

  /// The next signal, if one is there. Any thread.
  std::optional<int> take();
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

/// Waits until one of the descriptors is readable; gives its position, or nothing after `limit` (negative = for ever).
std::optional<std::size_t> wait_readable(std::initializer_list<int> fds, std::chrono::milliseconds limit);

}  // namespace lc
