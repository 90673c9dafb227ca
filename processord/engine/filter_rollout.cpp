#include "processord/engine/filter_rollout.h"

#include <algorithm>
#include <utility>

namespace lc::processor {

// A hunter that comes from another processor may still report that one's revisions: what is higher than ours is none.
bool FilterRollout::confirmed(const Hunter& hunter, std::uint64_t revision) const {
  if (!hunter.has_feature(fleet::kFilterSnapshotFeature)) return board_.written_revision(hunter.id()) >= revision;
  const std::uint64_t reported = hunter.filter_revision();
  return reported >= revision && reported <= board_.revision();
}

bool FilterRollout::judge(Wait& wait) const {
  const Clock::time_point now = time_.now();
  bool complete = true;
  wait.outcome.hunters_updated = wait.outcome.hunters_pending = 0;
  for (const auto& hunter : wait.concerned) {
    const bool connected = hunter->holds_place(now);
    if (connected && confirmed(*hunter, wait.outcome.revision)) {
      ++wait.outcome.hunters_updated;
    } else {
      ++wait.outcome.hunters_pending;
      complete = complete && !connected;
    }
  }
  return complete;
}

void FilterRollout::follow(const FilterChange& change, Done done) {
  Wait wait{.outcome = {.filter_id = change.id, .revision = change.revision},
            .concerned = hunters_.all(),
            .deadline = time_.now() + kLimit,
            .done = std::move(done)};
  std::erase_if(wait.concerned, [&](const auto& hunter) { return !change.concerns(hunter->id()); });
  {
    const std::lock_guard lock(mutex_);
    waiting_ = true;  // before the look: what is reported after it finds us
    if (!judge(wait) && !finished_) {
      waits_.push_back(std::move(wait));
      wake_up_.wake();
      return;
    }
    waiting_ = !waits_.empty();
  }
  wait.done(wait.outcome);
}

void FilterRollout::progressed() {
  if (waiting_) wake_up_.wake();
}

void FilterRollout::settle() {
  wake_up_.drain();
  std::vector<Wait> answered;
  {
    const std::lock_guard lock(mutex_);
    const auto rest = std::stable_partition(waits_.begin(), waits_.end(), [this](Wait& wait) {
      return judge(wait) || finished_ || time_.now() >= wait.deadline;
    });
    std::move(waits_.begin(), rest, std::back_inserter(answered));
    waits_.erase(waits_.begin(), rest);
    waiting_ = !waits_.empty();
  }
  for (const Wait& wait : answered) wait.done(wait.outcome);
}

std::optional<Clock::time_point> FilterRollout::next_deadline() const {
  const std::lock_guard lock(mutex_);
  if (waits_.empty()) return std::nullopt;
  return waits_.front().deadline;  // all wait for the same time
}

void FilterRollout::finish() {
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
  }
  settle();
}

}  // namespace lc::processor
