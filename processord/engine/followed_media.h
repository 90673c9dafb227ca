// Where the media of followed calls is, as processors tell each other.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/calls/endpoint.h"
#include "common/fleet/filter.h"

namespace lc::processor {

/// All of one call's; it takes the place of what was known of the call before.
struct FollowedMedia {
  static constexpr std::size_t kMostEndpoints = 16;
  static constexpr std::size_t kMostFilters = 64;

  std::string call_id;                                        // SIP's, any bytes
  fleet::CaptureAction action = fleet::CaptureAction::kFull;  // never kSignalling
  std::vector<std::string> follows = {};                      // ids of the filters that want the call
  std::vector<calls::Endpoint> endpoints = {};                // none: it is over, or nobody wants its media any more
  /// Without endpoints: nothing has been heard of it here for long. It is not known to be over, and its media may pass
  /// another site.
  bool is_idle = false;

  bool operator==(const FollowedMedia&) const = default;
};

/// The same on its way through the tree.
struct MediaNews {
  static constexpr std::size_t kLongestCallId = 1'024;
  /// From now on, unless it is said anew.
  static constexpr std::chrono::milliseconds kLife = std::chrono::minutes(10);

  std::uint64_t origin = 0;                // the process that follows the call: a random number, never 0
  std::uint64_t version = 0;               // of what the origin says of this call; grows
  std::chrono::milliseconds left = kLife;  // from when it is said; clocks of two processors may differ
  FollowedMedia media;
};

}  // namespace lc::processor
