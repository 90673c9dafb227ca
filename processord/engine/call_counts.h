// How many calls there are, the legs of one counted once.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <atomic>
#include <cstdint>

#include "common/calls/call_groups.h"

namespace lc::processor {

/// One thread, but for active() and total(). A leg is active from its begin to its end, and a call while one of its
/// legs is.
class CallCounts {
 public:
  void leg_began(calls::GroupId call) {
    ++active_legs_[call];
    publish();
  }
  void leg_ended(calls::GroupId call) {
    const auto found = active_legs_.find(call);
    if (found == active_legs_.end()) return;
    if (--found->second == 0) active_legs_.erase(found);
    publish();
  }
  /// Legs have been joined or parted: they are counted anew, by leg_began().
  void begin_anew() { active_legs_.clear(); }
  void joined(calls::GroupId gone, calls::GroupId into) {
    const auto found = active_legs_.find(gone);
    if (found == active_legs_.end()) return;
    const std::uint32_t legs = found->second;
    active_legs_.erase(found);
    active_legs_[into] += legs;
    publish();
  }
  /// There are so many more calls; fewer, when two have turned out to be one.
  void more(std::int64_t calls) { total_ += static_cast<std::uint64_t>(calls); }

  [[nodiscard]] std::uint64_t active() const { return active_; }
  [[nodiscard]] std::uint64_t total() const { return total_; }

 private:
  void publish() { active_ = active_legs_.size(); }

  absl::flat_hash_map<calls::GroupId, std::uint32_t> active_legs_;
  std::atomic<std::uint64_t> active_{0};
  std::atomic<std::uint64_t> total_{0};
};

}  // namespace lc::processor
