// Which calls have the same stream: they announce the same two addresses at the same time.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "common/calls/endpoint.h"

namespace lc::processor {

/// A back-to-back user agent that lets the phones send to each other tells each of them the other's address, so both
/// legs have the pair; nothing else joins them. Two calls that are on at the same time can't share it otherwise. A pair
/// that is announced again when all who had it are over is another one: ports are used again. One thread.
class MediaPairs {
 public:
  /// What one call has.
  struct Held {
    std::vector<calls::Endpoint> endpoints;
    std::vector<std::uint64_t> tokens;  // one for each pair, the same for all calls that have it
    std::vector<std::uint64_t> pairs;
  };

  /// The call announces this address for media too.
  void announce(Held& held, const calls::Endpoint& endpoint);
  /// The call is over.
  void release(Held& held);

 private:
  struct Pair {
    std::uint64_t token = 0;
    std::uint32_t calls = 0;
  };
  absl::flat_hash_map<std::uint64_t, Pair> pairs_;  // by hash of both
  std::uint64_t last_token_ = 0;
};

}  // namespace lc::processor
