// Work that any thread may call for, and one at a time does.
#pragma once

#include <atomic>
#include <utility>

namespace lc {

/// Who finds the work being done does not wait: whoever does it does it once more. Any thread, also from within the
/// work.
class OneAtATime {
 public:
  template <typename Work>
  void run(Work&& work) {
    due_ = true;
    // Asked again after the token is back: who came in between has found it taken, and left.
    while (due_ && !busy_.exchange(true)) {
      due_ = false;
      work();
      busy_ = false;
    }
  }

 private:
  std::atomic<bool> due_{false};
  std::atomic<bool> busy_{false};
};

}  // namespace lc
