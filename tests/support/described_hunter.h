// A hunter's registration with what tests care for.
#pragma once

#include <cstdint>
#include <string>

#include "common/fleet/hunter.h"

namespace lc::test {

inline fleet::HunterDescription described_hunter(const std::string& id, std::uint64_t epoch = 7) {
  fleet::HunterDescription description;
  description.id = id;
  description.hostname = "host-" + id;
  description.epoch = epoch;
  return description;
}

}  // namespace lc::test
