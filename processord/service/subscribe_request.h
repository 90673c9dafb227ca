// lippycat.data.SubscribeRequest, as far as packets and calls have it in common.
#pragma once

#include "lippycat/data.pb.h"
#include "processord/engine/hunter_selection.h"

namespace lc::processor {

inline HunterSelection selection_of(const lippycat::data::SubscribeRequest& request) {
  if (!request.has_hunter_filter()) return std::nullopt;
  return std::unordered_set<std::string>(request.hunter_ids().begin(), request.hunter_ids().end());
}

}  // namespace lc::processor
