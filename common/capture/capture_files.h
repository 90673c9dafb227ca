// Opens capture files for writing, keeps what earlier runs wrote, and cuts off what they had not acknowledged.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/capture/capture_file.h"
#include "common/capture/file_identity.h"
#include "common/capture/file_pool.h"

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

/// A capture file that is being written, as far as its writer has promised it to somebody.
struct CommittedFile {
  std::string path;  // absolute; where the symbolic links led
  FileIdentity identity;
  std::uint64_t bytes = 0;    // its header and whole records
  std::uint64_t packets = 0;  // in these

  bool operator==(const CommittedFile&) const = default;
};

struct CutBack {
  enum class Outcome {
    kCommitted,  // it holds exactly what was committed now
    kRemoved,    // so it did, and that was no packet
    kShorter,    // some of what was committed is not there; kept as it is
    kGone,       // no file, or another one, has the name
  };
  Outcome outcome = Outcome::kCommitted;
  std::uint64_t size_bytes = 0;  // before
};

/// Cuts from the file what its writer had not committed when it died; nobody may be writing it. May be repeated.
/// Errors as file_error() says; each names the path and the remedy. Any thread.
Result<CutBack> cut_back(const CommittedFile& file);

struct NewCaptureFile {
  std::unique_ptr<CaptureFile> file;
  CommittedFile committed;            // nothing yet
  std::optional<SetAside> set_aside;  // for a line in the log
};

/// Sets aside what is at `path` and creates the file anew with mode 0640, locked (flock(2)) against other processes'
/// set_aside for as long as it is open. Errors as set_aside(), capture_format() and file_error() say; each names the
/// path and the remedy. Any thread.
Result<NewCaptureFile> create_capture_file(const std::string& path);

/// While a file of a directory is being written its name ends so; what reads finished captures leaves it alone.
inline constexpr std::string_view kPartSuffix = ".part";

/// What finish_part() names such a file when nothing has that name.
inline std::string without_part(const std::string& path) {
  return path.substr(0, path.size() - kPartSuffix.size());
}

/// Creates DIRECTORY/NAME.SUFFIX.part, or NAME_2, NAME_3 ..., so that nothing has that name with or without .part.
/// Mode, lock and errors as create_capture_file(); the directory is made when it is not there (mode 2750). With a
/// `pool` the file is open as long as that one lets it be, and its name survives a loss of power only once the
/// directory is synced. Any thread; the pool's with a pool.
Result<NewCaptureFile> create_part(const std::string& directory, const std::string& name, CaptureFormat format,
                                   FilePool* pool = nullptr);

/// Whether files can be made in it, by making one; the directory itself too when it is not there. Errors as
/// create_part(). Any thread.
Status check_directory(const std::string& directory);

/// The file's path without .part, which it has from now on; NAME_2, NAME_3 ... when that is taken. Nobody may be
/// writing it. `durably`: a loss of power does not bring the old name back. May be repeated after an Error. Any thread.
Result<std::string> finish_part(const std::string& path, bool durably = true);

/// The same for all that killed processes left in the directory, after cutting off torn last records; those without a
/// packet are removed. Gives the paths. One that can't be read as a capture, or that another process is writing, is
/// left as it is and named in the log. Any thread.
Result<std::vector<std::string>> finish_left_parts(const std::string& directory);

}  // namespace lc::capture
