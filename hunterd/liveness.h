// Whether a connection is alive: judged by what comes from the processor, never by an open socket.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/clock.h"

namespace lc::hunter {

/// Dead after 15 s without a word (a heartbeat is answered every 5 s), or after 20 s in which sent packets wait and no
/// acknowledgement makes progress, unless the processor says that it holds back. Guarded by its owner.
class Liveness {
 public:
  explicit Liveness(Clock::time_point now) : heard_at_(now), progress_at_(now) {}

  void heard(Clock::time_point now) { heard_at_ = now; }
  void acknowledged(std::uint64_t sequence, Clock::time_point now);
  /// The processor can't store at the moment, or has told us to wait.
  void holds_back(bool holds) { holds_back_ = holds; }

  /// Why the connection is dead; empty while it is not. `waits`: sent packets are not acknowledged. To be asked at
  /// least once a second.
  std::string judge(bool waits, Clock::time_point now);

 private:
  Clock::time_point heard_at_;
  Clock::time_point progress_at_;  // or nothing was waited for, or the processor held back
  std::uint64_t acknowledged_ = 0;
  bool holds_back_ = false;
};

}  // namespace lc::hunter
