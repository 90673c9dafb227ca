// Opens capture files for writing, and keeps what earlier runs wrote.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/capture/capture_file.h"

namespace lc::capture {

enum class CaptureFormat { kPcap, kPcapng };

/// By the suffix, .pcap or .pcapng; kInvalidArgument, naming these two, for anything else.
Result<CaptureFormat> capture_format(const std::string& path);

/// What happened to a file that was there before.
struct SetAside {
  std::string path;             // its new name
  std::uint64_t packets = 0;    // it holds, as far as it could be read
  std::uint64_t cut_bytes = 0;  // of a record that its writer did not get to finish
  /// Where it could not be read further; it keeps all its bytes then.
  std::optional<std::uint64_t> damaged_at;
};

/// If there is a capture file at `path` (or where its symbolic link leads), cuts a torn last record from it and renames
/// it to NAME-TIME.SUFFIX beside it; TIME is when it was last written to, in UTC, and _2, _3 ... follows if that name
/// is taken. A capture without a packet, or an empty file, is removed. Gives nothing when nothing was kept. Errors,
/// with which the file stays as it is: not a regular file or not a capture (kFailedPrecondition), being written by
/// another process (kFailedPrecondition), and the system's, as file_error() codes them. Reads all of the file. Any
/// thread.
Result<std::optional<SetAside>> set_aside(const std::string& path);

struct NewCaptureFile {
  std::unique_ptr<CaptureFile> file;
  std::optional<SetAside> set_aside;  // for a line in the log
};

/// Sets aside what is at `path` and creates the file anew with mode 0640, locked (flock(2)) against other processes'
/// set_aside for as long as it is open. Errors as set_aside(), capture_format() and file_error() say; each names the
/// path and the remedy. Any thread.
Result<NewCaptureFile> create_capture_file(const std::string& path);

}  // namespace lc::capture
