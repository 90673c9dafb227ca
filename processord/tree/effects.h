// Calls to others that must wait until no lock is held.
#pragma once

#include <functional>
#include <utility>
#include <vector>

namespace lc::processor {

/// Collected under the lock of its owner, who takes them along and runs them behind it.
class Effects {
 public:
  void later(std::function<void()> call) { calls_.push_back(std::move(call)); }
  std::vector<std::function<void()>> take() { return std::exchange(calls_, {}); }

 private:
  std::vector<std::function<void()>> calls_;
};

}  // namespace lc::processor
