// How far a filter's change has come: who asked for it is answered when the hunters have confirmed.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/base/stop_signal.h"
#include "processord/engine/filter_board.h"
#include "processord/engine/hunter_registry.h"

namespace lc::processor {

/// lippycat.management.FilterUpdateResult.
struct FilterOutcome {
  std::string filter_id;
  std::uint64_t revision = 0;
  std::uint32_t hunters_updated = 0;  // have confirmed
  std::uint32_t hunters_pending = 0;  // concerned and known, but have not, or are not connected
};

/// Any thread.
class FilterRollout {
 public:
  static constexpr auto kLimit = std::chrono::seconds(1);
  using Done = std::function<void(const FilterOutcome&)>;

  FilterRollout(const HunterRegistry& hunters, const FilterBoard& board, const TimeSource& time)
      : hunters_(hunters), board_(board), time_(time) {}

  /// `done` is called once: here when there is nobody to wait for, otherwise by settle() or finish().
  void follow(const FilterChange& change, Done done);

  /// A hunter has reported, or an update was written: settle() is due.
  void progressed();

  /// Answers what is complete, or has waited for kLimit. Its thread waits for fd() until next_deadline().
  void settle();
  [[nodiscard]] int fd() const { return wake_up_.fd(); }
  [[nodiscard]] std::optional<Clock::time_point> next_deadline() const;

  /// Answers everything, and from now on at once.
  void finish();

 private:
  struct Wait {
    FilterOutcome outcome;
    std::vector<std::shared_ptr<Hunter>> concerned;
    Clock::time_point deadline;
    Done done;
  };

  /// Counts; true when no connected hunter is left to wait for.
  bool judge(Wait& wait) const;
  [[nodiscard]] bool confirmed(const Hunter& hunter, std::uint64_t revision) const;

  const HunterRegistry& hunters_;
  const FilterBoard& board_;
  const TimeSource& time_;
  WakeUp wake_up_;
  std::atomic<bool> waiting_{false};
  mutable std::mutex mutex_;
  std::vector<Wait> waits_;
  bool finished_ = false;
};

}  // namespace lc::processor
