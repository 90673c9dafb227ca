// When written packets are committed.
#pragma once

namespace lc::processor {

/// That is: may be acknowledged.
enum class SyncPolicy {
  kInterval,  // after fdatasync, at most every 100 ms
  kAlways,    // after fdatasync, as soon as the queue is written
  kNever,     // after write(2): survives a killed process, not a power cut
};

}  // namespace lc::processor
