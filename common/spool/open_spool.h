// The spool that a daemon's settings ask for.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/base/file.h"
#include "common/spool/record_log.h"

namespace lc::spool {

enum class SpoolMode { kOff, kOverflow, kAlways };

struct SpoolSettings {
  SpoolMode mode = SpoolMode::kOff;
  std::string directory = {};
  std::uint64_t max_bytes = 0;
  bool drop_newest = false;
};

/// Null when there shall be none. `owner`: the node's id. `files` must outlive it. Throws StartError.
std::unique_ptr<RecordLog> open_spool(FileSystem& files, const SpoolSettings& settings, const std::string& owner);

}  // namespace lc::spool
