// The options of every binary that captures, and the values they give.
#pragma once

#include <string>
#include <vector>

#include "common/calls/selector.h"
#include "common/capture/batcher.h"
#include "common/capture/open_source.h"
#include "common/config/settings.h"

namespace lc::capture {

/// Rows of the groups Capture and Batching; in the file of the section `hunter`.
std::vector<config::Option> capture_options();
/// --list-interfaces and --json, see print_interfaces().
std::vector<config::Option> listing_options();

struct CaptureSettings {
  std::vector<std::string> interfaces;  // names, or paths of capture files
  SourceOptions source;
  BatchLimits batch;
  std::uint64_t queue_packets = 0;  // SendQueue::Limits
  calls::NoFilterPolicy no_filter_policy = calls::NoFilterPolicy::kAll;
};

/// Of a table with those rows. Appends a line for each fault that one option alone can't know.
CaptureSettings capture_settings(const config::Settings& settings, std::vector<std::string>& faults);

}  // namespace lc::capture
