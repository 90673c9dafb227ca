#include "common/capture/capture_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/base/unique_fd.h"
#include "common/capture/capture_walk.h"
#include "common/capture/pcap_writer.h"
#include "common/capture/pcapng_writer.h"

namespace lc::capture {
namespace {

namespace fs = std::filesystem;

Error refused(const std::string& path, const std::string& why_and_remedy) {
  return {Code::kFailedPrecondition, "cannot write capture file " + lc::quoted(path) + ": " + why_and_remedy};
}

/// Where symbolic links lead, also when nothing is there yet: O_EXCL creates nothing through a link.
Result<std::string> followed(const std::string& path) {
  constexpr int kMostLinks = 40;  // as the kernel
  fs::path at = path;
  for (int links = 0; links < kMostLinks; ++links) {
    std::error_code none;
    const fs::path target = fs::read_symlink(at, none);
    if (none) return at.string();
    at = at.parent_path() / target;
  }
  return file_error("write", path, ELOOP);
}

fs::path directory_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

/// Makes a new or changed name survive a loss of power. Directories that cannot be opened for reading or do not know
/// fsync(2) are left to their filesystem.
Status sync_directory(const fs::path& path) {
  const UniqueFd directory(::open(directory_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || ::fsync(directory.get()) == 0 || errno == EINVAL) return {};
  return file_error("write", path.string(), errno);
}

/// 0, or errno: EEXIST when `to` is taken.
int rename_without_replacing(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  // Some filesystems (NFS among them) cannot; a link does not replace either.
  if (::link(from.c_str(), to.c_str()) != 0) return errno;
  return ::unlink(from.c_str()) == 0 ? 0 : errno;
}

Result<std::string> rename_by_time(const std::string& path, const struct stat& status) {
  const fs::path old = path;
  const std::string time = utc_compact(std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000);
  for (int number = 1;; ++number) {
    const std::string suffix = number == 1 ? "" : "_" + std::to_string(number);
    fs::path name = old.parent_path() / old.stem();
    name += "-" + time + suffix + old.extension().string();
    const int error = rename_without_replacing(path, name.string());
    if (error == 0) return name.string();
    if (error != EEXIST) return file_error("set aside", path, error);
  }
}

Result<std::optional<SetAside>> set_aside_file(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return std::optional<SetAside>{};
    return file_error("write", path, errno);
  }
  // Before open(), which would wait on a FIFO and may wake a device.
  if (S_ISDIR(status.st_mode)) return file_error("write", path, EISDIR);
  if (!S_ISREG(status.st_mode)) return refused(path, "it is not a regular file; choose another path");

  const UniqueFd file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!file) return file_error("set aside", path, errno);
  // A writer holds the lock as long as it has the file open; where locks are not supported, nobody holds one.
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return refused(path, "another process is writing it; give each its own file");
  }
  if (::fstat(file.get(), &status) != 0) return file_error("set aside", path, errno);

  CaptureExtent extent;
  if (status.st_size > 0) {
    const Result<CaptureExtent> walked = walk_capture(file.get());
    if (!walked) {
      return refused(path, "there is a file that cannot be set aside as a capture: " + walked.error().text +
                               "; move it away or choose another path");
    }
    extent = *walked;
  }
  if (!extent.has_content && !extent.damaged_at) {
    if (::unlink(path.c_str()) != 0) return file_error("replace", path, errno);
    return std::optional<SetAside>{};
  }

  SetAside result;
  result.packets = extent.packets;
  result.damaged_at = extent.damaged_at;
  if (!extent.damaged_at) {
    result.cut_bytes = static_cast<std::uint64_t>(status.st_size) - extent.whole_bytes;
    if (result.cut_bytes > 0 && ::ftruncate(file.get(), static_cast<off_t>(extent.whole_bytes)) != 0) {
      return file_error("repair", path, errno);
    }
  }
  if (::fsync(file.get()) != 0) return file_error("set aside", path, errno);
  const Result<std::string> new_path = rename_by_time(path, status);
  if (!new_path) return new_path.error();
  result.path = *new_path;
  if (const Status synced = sync_directory(path); !synced) return synced.error();
  return std::optional(std::move(result));
}

}  // namespace

Result<CaptureFormat> capture_format(const std::string& path) {
  const fs::path suffix = fs::path(path).extension();
  if (suffix == ".pcap") return CaptureFormat::kPcap;
  if (suffix == ".pcapng") return CaptureFormat::kPcapng;
  return Error{Code::kInvalidArgument, "cannot write capture file " + lc::quoted(path) +
                                           ": its format is not clear; let its name end in .pcap or .pcapng"};
}

Result<std::optional<SetAside>> set_aside(const std::string& path) {
  const Result<std::string> target = followed(path);
  if (!target) return target.error();
  return set_aside_file(*target);
}

Result<NewCaptureFile> create_capture_file(const std::string& path) {
  const Result<CaptureFormat> format = capture_format(path);
  if (!format) return format.error();
  const Result<std::string> target = followed(path);
  if (!target) return target.error();
  Result<std::optional<SetAside>> earlier = set_aside_file(*target);
  if (!earlier) return earlier.error();

  UniqueFd fd(::open(target->c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640));
  if (!fd) return file_error("create", *target, errno);
  static_cast<void>(::flock(fd.get(), LOCK_EX | LOCK_NB));  // the file is new: refused only where locks do not exist
  if (const Status synced = sync_directory(*target); !synced) return synced.error();

  auto output = std::make_unique<RegularFile>(std::move(fd));
  NewCaptureFile created;
  created.set_aside = std::move(*earlier);
  if (*format == CaptureFormat::kPcap) {
    created.file = std::make_unique<PcapWriter>(*target, std::move(output));
  } else {
    created.file = std::make_unique<PcapngWriter>(*target, std::move(output));
  }
  return created;
}

}  // namespace lc::capture
