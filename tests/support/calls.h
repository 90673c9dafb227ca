// Calls for tests.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "processord/engine/call_board.h"

namespace lc::test {

/// With a leg for each hunter.
inline fleet::Call call_view(std::string id, std::string state = "trying",
                                     const std::vector<std::string>& hunters = {"h1"}) {
  fleet::Call view;
  for (const std::string& hunter : hunters) {
    fleet::CallLeg leg;
    leg.call_id = "leg-" + id;
    leg.hunter_id = hunter;
    view.legs.push_back(std::move(leg));
  }
  view.id = std::move(id);
  view.state = std::move(state);
  return view;
}

inline processor::CallPointer call(std::string id, std::string state = "trying",
                                   const std::vector<std::string>& hunters = {"h1"}) {
  return std::make_shared<const fleet::Call>(call_view(std::move(id), std::move(state), hunters));
}

}  // namespace lc::test
