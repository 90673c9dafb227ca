// What is shown, written to files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "lcwatch/model/packet_ring.h"
#include "lcwatch/view/screen.h"

namespace lc::watch {

// Each makes a new file and refuses one that is there. One line on success: what was written.

/// pcapng, by common/capture/pcapng_writer.h; packets that are gone meanwhile are left out.
Result<std::string> export_packets(const std::string& path, const PacketRing& packets,
                                   const std::vector<std::uint64_t>& numbers);
/// By the path's ending: .csv (RFC 4180) or .json (an array of objects).
Result<std::string> export_sheet(const std::string& path, const Sheet& sheet);

}  // namespace lc::watch
