// A hunter's state of health from its own numbers.
#pragma once

#include <cstdint>
#include <string>

#include "common/fleet/hunter.h"

namespace lc::capture {

/// What health is judged by, at one moment.
struct Vitals {
  std::uint64_t received = 0;  // captured or dropped before capture, since the start
  std::uint64_t dropped = 0;   // since the start
  std::uint32_t buffer_percent = 0;
  bool no_source_captures = false;
  bool some_source_down = false;
  std::string filter_error;  // a filter that could not be put in force
  std::string spool_error;   // the spool can't be written or read
  bool stopping = false;
};

/// WARNING: buffer over 80 %, or over 10 % dropped of what came since the last judgement, or some source down. ERROR:
/// no source captures, a filter is not in force, or the spool fails. One thread.
class Health {
 public:
  struct Verdict {
    fleet::HunterStatus status = fleet::HunterStatus::kHealthy;
    std::string reason;  // empty when healthy
  };
  Verdict judge(const Vitals& vitals);

 private:
  std::uint64_t received_before_ = 0;
  std::uint64_t dropped_before_ = 0;
};

}  // namespace lc::capture
