// Which tokens have been used.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_set>

#include "common/base/result.h"

namespace lc::processor {

/// Bounded, and forgets nothing early: when it is full, nothing new is taken. One thread at a time.
class ReplayMemory {
 public:
  explicit ReplayMemory(std::size_t capacity) : capacity_(capacity) {}

  /// Notes a token that nobody accepts any more after `until_ns`. kUnauthenticated: it was used before, or it is so old
  /// that this is not known any more, which a clock that was set back can bring about. kResourceExhausted: full.
  Status note(std::string name, std::int64_t until_ns, std::int64_t now_ns);

 private:
  const std::size_t capacity_;
  std::unordered_set<std::string> names_;
  std::multimap<std::int64_t, std::string_view> by_end_;  // of names_, by until_ns
  std::int64_t forgotten_until_ns_ = 0;                   // what ended by then may have been forgotten
};

}  // namespace lc::processor
