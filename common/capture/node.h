// How every node that captures begins: its sources, and what it says of itself.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/capture/open_source.h"
#include "common/fleet/hunter.h"

namespace lc::capture {

struct OpenedSources {
  std::vector<std::unique_ptr<PacketSource>> all;
  std::vector<LiveSource*> live;  // of these
};

/// One source for each name, as open_source() does; throws StartError for the first that can't be had.
OpenedSources open_sources(const std::vector<std::string>& names, const SourceOptions& options, const TimeSource& time);

/// Of a sender that goes on where no other did. Never 0, which means "knows no epochs".
std::uint64_t random_epoch();

/// A node that evaluates all types of filters and keeps up to `buffer_bytes` until they are acknowledged.
fleet::HunterDescription describe(std::string id, std::string host_name, std::vector<std::string> interfaces,
                                  std::string capture_filter, std::uint64_t buffer_bytes, std::uint64_t epoch);

}  // namespace lc::capture
