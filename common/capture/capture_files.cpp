#include "common/capture/capture_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "common/base/clock.h"
#include "common/base/fail_point.h"
#include "common/base/log.h"
#include "common/base/text.h"
#include "common/base/unique_fd.h"
#include "common/capture/capture_walk.h"
#include "common/capture/pcap_writer.h"
#include "common/capture/pcapng_writer.h"

namespace lc::capture {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kThing = "capture file";

/// True: the call shall not be made, errno is set.
bool fails(const char* point) {
  const Failure failure = fail_point(point);
  if (failure.error == 0) return false;
  errno = failure.error;
  return true;
}

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
  return file_error("write", kThing, path, ELOOP);
}

fs::path directory_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

/// Makes a new or changed name survive a loss of power. Directories that cannot be opened for reading or do not know
/// fsync(2) are left to their filesystem.
Status sync_directory(const fs::path& path) {
  const UniqueFd directory(::open(directory_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || ::fsync(directory.get()) == 0 || errno == EINVAL) return {};
  return file_error("write", kThing, path.string(), errno);
}

/// 0, or errno: EEXIST when `to` is taken.
int rename_without_replacing(const std::string& from, const std::string& to) {
  if (fails("capture.rename")) return errno;
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  // Some filesystems (NFS among them) cannot; a link does not replace either.
  if (::link(from.c_str(), to.c_str()) != 0) return errno;
  return ::unlink(from.c_str()) == 0 ? 0 : errno;
}

bool shorten(int fd, std::uint64_t size) {
  return !fails("capture.truncate") && ::ftruncate(fd, static_cast<off_t>(size)) == 0;
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
    if (error != EEXIST) return file_error("set aside", kThing, path, error);
  }
}

/// What set_aside() does before it renames; `status` is the file's.
Result<std::optional<SetAside>> mend(const std::string& path, struct stat& status) {
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return std::optional<SetAside>{};
    return file_error("write", kThing, path, errno);
  }
  // Before open(), which would wait on a FIFO and may wake a device.
  if (S_ISDIR(status.st_mode)) return file_error("write", kThing, path, EISDIR);
  if (!S_ISREG(status.st_mode)) return refused(path, "it is not a regular file; choose another path");

  const UniqueFd file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!file) return file_error("set aside", kThing, path, errno);
  // A writer holds the lock as long as it has the file open; where locks are not supported, nobody holds one.
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return refused(path, "another process is writing it; give each its own file");
  }
  if (::fstat(file.get(), &status) != 0) return file_error("set aside", kThing, path, errno);

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
    if (fails("capture.unlink") || ::unlink(path.c_str()) != 0) return file_error("replace", kThing, path, errno);
    return std::optional<SetAside>{};
  }

  SetAside result;
  result.packets = extent.packets;
  result.damaged_at = extent.damaged_at;
  if (!extent.damaged_at) {
    result.cut_bytes = static_cast<std::uint64_t>(status.st_size) - extent.whole_bytes;
    if (result.cut_bytes > 0 && !shorten(file.get(), extent.whole_bytes)) {
      return file_error("repair", kThing, path, errno);
    }
  }
  if (::fsync(file.get()) != 0) return file_error("set aside", kThing, path, errno);
  return std::optional(std::move(result));
}

Result<std::optional<SetAside>> set_aside_file(const std::string& path) {
  struct stat status {};
  Result<std::optional<SetAside>> mended = mend(path, status);
  if (!mended || !*mended) return mended;
  const Result<std::string> new_path = rename_by_time(path, status);
  if (!new_path) return new_path.error();
  (*mended)->path = *new_path;
  if (const Status synced = sync_directory(path); !synced) return synced.error();
  return mended;
}

/// None with errno.
UniqueFd create_new(const std::string& path) {
  return UniqueFd(fails("capture.create") ? -1 : ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640));
}

/// With its parents; group readable, and so is what is made in it.
Status make_directory(const std::string& directory) {
  std::error_code error;
  if (fs::is_directory(directory, error)) return {};
  fs::create_directories(directory, error);
  if (!error) fs::permissions(directory, fs::perms(02750), error);
  return error ? Status(file_error("make", "capture directory", directory, error.value())) : Status();
}

Result<NewCaptureFile> begin_file(UniqueFd fd, const std::string& path, CaptureFormat format,
                                  FilePool* pool = nullptr) {
  std::error_code no_directory;
  const fs::path absolute = fs::absolute(path, no_directory);
  const std::optional<FileIdentity> identity = identity_of(fd.get());
  if (!identity) return file_error("create", kThing, path, errno);
  if (no_directory) return file_error("create", kThing, path, no_directory.value());
  static_cast<void>(::flock(fd.get(), LOCK_EX | LOCK_NB));  // the file is new: refused only where locks do not exist
  std::unique_ptr<FileOutput> output;
  if (pool != nullptr) {
    output = pool->add(std::move(fd), absolute.string(), *identity);
  } else {
    if (const Status synced = sync_directory(path); !synced) return synced.error();
    output = std::make_unique<RegularFile>(std::move(fd), "capture");
  }
  NewCaptureFile created;
  created.committed = {.path = absolute.string(), .identity = *identity};
  if (format == CaptureFormat::kPcap) {
    created.file = std::make_unique<PcapWriter>(path, std::move(output));
  } else {
    created.file = std::make_unique<PcapngWriter>(path, std::move(output));
  }
  return created;
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

Result<CutBack> cut_back(const CommittedFile& file) {
  using Outcome = CutBack::Outcome;
  const UniqueFd fd(::open(file.path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) {
    // ELOOP, EISDIR, ENXIO: something else has the name.
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == EISDIR || errno == ENXIO) {
      return CutBack{.outcome = Outcome::kGone};
    }
    return file_error("repair", kThing, file.path, errno);
  }
  const std::optional<FileIdentity> identity = identity_of(fd.get());
  struct stat status {};
  if (!identity || ::fstat(fd.get(), &status) != 0) return file_error("repair", kThing, file.path, errno);
  if (!same_file(*identity, file.identity)) return CutBack{.outcome = Outcome::kGone};
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return refused(file.path, "another process is writing it; give each its own file");
  }
  CutBack result{.size_bytes = static_cast<std::uint64_t>(status.st_size)};
  if (result.size_bytes < file.bytes) {
    result.outcome = Outcome::kShorter;
  } else if (file.packets == 0) {
    result.outcome = Outcome::kRemoved;
    if (fails("capture.unlink") || ::unlink(file.path.c_str()) != 0) {
      return file_error("remove", kThing, file.path, errno);
    }
    if (const Status synced = sync_directory(file.path); !synced) return synced.error();
  } else if (result.size_bytes > file.bytes) {
    if (!shorten(fd.get(), file.bytes)) return file_error("repair", kThing, file.path, errno);
    // Its packets are no younger for that: set_aside() names it by this time.
    const std::array<timespec, 2> times = {{{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, status.st_mtim}};
    static_cast<void>(::futimens(fd.get(), times.data()));
    if (::fsync(fd.get()) != 0) return file_error("repair", kThing, file.path, errno);
  }
  return result;
}

Result<NewCaptureFile> create_capture_file(const std::string& path) {
  const Result<CaptureFormat> format = capture_format(path);
  if (!format) return format.error();
  const Result<std::string> target = followed(path);
  if (!target) return target.error();
  Result<std::optional<SetAside>> earlier = set_aside_file(*target);
  if (!earlier) return earlier.error();

  UniqueFd fd = create_new(*target);
  if (!fd) return file_error("create", kThing, *target, errno);
  Result<NewCaptureFile> created = begin_file(std::move(fd), *target, *format);
  if (created) created->set_aside = std::move(*earlier);
  return created;
}

Result<NewCaptureFile> create_part(const std::string& directory, const std::string& name, CaptureFormat format,
                                   FilePool* pool) {
  if (const Status made = make_directory(directory); !made) return made.error();
  const auto path_of = [&](std::uint64_t number) {
    fs::path path = fs::path(directory) / (name + (number == 1 ? "" : "_" + std::to_string(number)));
    return path += format == CaptureFormat::kPcap ? ".pcap" : ".pcapng";
  };
  const auto is_taken = [&](std::uint64_t number) {
    const fs::path path = path_of(number);
    const auto is_there = [](const fs::path& at) {
      std::error_code none;
      return fs::exists(fs::symlink_status(at, none));
    };
    return is_there(path) || is_there(path.string() + std::string(kPartSuffix));
  };
  for (;;) {
    // Of many files with this name the next is found in few steps: twice the number until one is free, then back.
    std::uint64_t free = 1;
    std::uint64_t taken = 0;
    for (; is_taken(free); free *= 2) taken = free;
    while (free - taken > 1) {
      const std::uint64_t middle = taken + (free - taken) / 2;
      (is_taken(middle) ? taken : free) = middle;
    }
    const std::string path = path_of(free).string() + std::string(kPartSuffix);
    UniqueFd fd = create_new(path);
    if (fd) return begin_file(std::move(fd), path, format, pool);
    if (errno != EEXIST) return file_error("create", kThing, path, errno);
  }
}

Status check_directory(const std::string& directory) {
  if (const Status made = make_directory(directory); !made) return made;
  const std::string path = (fs::path(directory) / ("." + std::to_string(::getpid()) + ".check")).string();
  const UniqueFd fd = create_new(path);
  if (!fd && errno != EEXIST) return file_error("create files in", "capture directory", directory, errno);
  static_cast<void>(::unlink(path.c_str()));
  return {};
}

Result<std::string> finish_part(const std::string& path, bool durably) {
  const fs::path whole = path.substr(0, path.size() - kPartSuffix.size());
  for (int number = 1;; ++number) {
    fs::path name = whole.parent_path() / whole.stem();
    if (number > 1) name += "_" + std::to_string(number);
    name += whole.extension();
    const int error = rename_without_replacing(path, name.string());
    if (error == EEXIST) continue;
    if (error != 0) return file_error("finish", kThing, path, error);
    if (!durably) return name.string();
    if (const Status synced = sync_directory(path); !synced) return synced.error();
    return name.string();
  }
}

Result<std::vector<std::string>> finish_left_parts(const std::string& directory) {
  std::vector<std::string> parts;
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    const bool is_part = name.ends_with(kPartSuffix) && capture_format(at->path().stem().string());
    if (is_part) parts.push_back(at->path().string());
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return file_error("read", "capture directory", directory, error.value());
  }
  std::sort(parts.begin(), parts.end());
  std::vector<std::string> finished;
  for (const std::string& part : parts) {
    struct stat status {};
    const Result<std::optional<SetAside>> mended = mend(part, status);
    if (!mended || (*mended && (*mended)->damaged_at)) {
      log::warning("an unfinished capture file is left as it is",
                   {{"file", part}, {"reason", mended ? "it is damaged" : mended.error().text}});
      continue;
    }
    if (!*mended) continue;
    const Result<std::string> path = finish_part(part);
    if (!path) return path.error();
    finished.push_back(*path);
  }
  return finished;
}

}  // namespace lc::capture
