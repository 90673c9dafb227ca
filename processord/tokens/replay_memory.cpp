#include "processord/tokens/replay_memory.h"

#include <utility>

#include "processord/tokens/token.h"

namespace lc::processor {

Status ReplayMemory::note(std::string name, std::int64_t until_ns, std::int64_t now_ns) {
  while (!by_end_.empty() && by_end_.begin()->first < now_ns) {
    const auto oldest = by_end_.begin();
    forgotten_until_ns_ = oldest->first;
    names_.erase(names_.find(std::string(oldest->second)));
    by_end_.erase(oldest);
  }
  if (until_ns <= forgotten_until_ns_) return expired_token();
  if (names_.contains(name)) return invalid_token("it was used before");
  if (names_.size() >= capacity_) {
    return Error{Code::kResourceExhausted, "too many authorization tokens within a few minutes (max: " +
                                               std::to_string(capacity_) + "); try again later"};
  }
  by_end_.emplace(until_ns, *names_.insert(std::move(name)).first);
  return {};
}

}  // namespace lc::processor
