// Filters for tests.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/fleet/filter.h"

namespace lc::test {

inline fleet::Filter ip_filter(const std::string& id, std::vector<std::string> targets = {},
                               const std::string& pattern = "192.0.2.1") {
  fleet::Filter filter;
  filter.id = id;
  filter.type = fleet::FilterType::kIpAddress;
  filter.pattern = pattern;
  filter.target_hunters = std::move(targets);
  filter.enabled = true;
  return filter;
}

inline fleet::Filter media_endpoint(const std::string& id, std::int64_t expires_at_ns = 0) {
  fleet::Filter filter;
  filter.id = id;
  filter.type = fleet::FilterType::kMediaEndpoint;
  filter.pattern = "192.0.2.7:4000";
  filter.enabled = true;
  filter.expires_at_ns = expires_at_ns;
  return filter;
}

}  // namespace lc::test
