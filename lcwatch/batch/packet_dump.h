// Packets of a subscription into a capture file, or to standard output for another program.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/signals.h"
#include "lcwatch/remote/watched.h"

namespace lc::watch {

struct DumpSettings {
  std::string file;         // "-": standard output
  std::uint64_t count = 0;  // so many packets; 0: until a signal, or until nobody reads any more
};

/// The exit code. Every packet that the processors send; what they skipped, because they were read from too slowly, is
/// said at the end. Throws StartError when the file can't be made.
int run_dump(const DumpSettings& settings, const std::vector<WatchedServer>& servers, const std::string& packet_filter,
             Signals& signals);

}  // namespace lc::watch
