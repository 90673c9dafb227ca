// How much of a capture file is whole.
#pragma once

#include <cstdint>
#include <optional>

#include "common/base/result.h"

namespace lc::capture {

struct CaptureExtent {
  /// Up to here the file is its header and whole records; 0 when not even the header is whole. What follows is the part
  /// of a record that was being written when its writer died, unless damaged_at says otherwise.
  std::uint64_t whole_bytes = 0;
  std::uint64_t packets = 0;  // in the whole part
  /// The whole part says something: it has packets, or pcapng blocks other than section, interface and statistics.
  bool has_content = false;
  /// Here is something that no writer's death explains, such as an impossible length, so that nothing that follows can
  /// be told apart. Equal to whole_bytes.
  std::optional<std::uint64_t> damaged_at;
};

/// Walks the record headers of a regular file, which nobody is writing: pcap in either byte order with micro- or
/// nanoseconds (pcap-savefile(5)), pcapng with sections in either byte order (draft-ietf-opsawg-pcapng). Any thread;
/// the descriptor's position is not used. kInvalidArgument: not a capture file; kUnavailable: it cannot be read.
Result<CaptureExtent> walk_capture(int fd);

}  // namespace lc::capture
