#include "common/base/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "common/base/fail_point.h"
#include "common/base/text.h"

namespace lc {
namespace {

struct Remedy {
  Code code;
  const char* text;
};

Remedy remedy_for(int error) {
  switch (error) {
    case ENOSPC:
      return {Code::kResourceExhausted, "free space on its filesystem"};
    case EDQUOT:
      return {Code::kResourceExhausted, "free space or raise the quota"};
    case EFBIG:
      return {Code::kResourceExhausted, "start a new file or raise the file size limit (ulimit -f)"};
    case EMFILE:
    case ENFILE:
      return {Code::kResourceExhausted, "raise the limit of open files (ulimit -n)"};
    case EACCES:
    case EPERM:
      return {Code::kPermissionDenied, "let this user write the file and its directory, or choose another path"};
    case EROFS:
      return {Code::kPermissionDenied, "choose a path on a writable filesystem"};
    case ENOENT:
      return {Code::kNotFound, "create its directory"};
    case ENOTDIR:
    case EISDIR:
    case ENAMETOOLONG:
      return {Code::kFailedPrecondition, "choose another path"};
    case ELOOP:
      return {Code::kFailedPrecondition, "correct its symbolic links"};
    default:
      return {Code::kUnavailable, "check the disk and its filesystem"};
  }
}

/// True: the call shall not be made, errno is set.
bool fails(const std::string& point) {
  const Failure failure = fail_point(point.c_str());
  if (failure.error == 0) return false;
  errno = failure.error;
  return true;
}

class MountedVolume final : public FileSystem::Volume {
 public:
  MountedVolume(UniqueFd fd, const std::string& kind) : fd_(std::move(fd)), sync_point_(kind + ".syncfs") {}
  int sync() override { return fails(sync_point_) ? -1 : ::syncfs(fd_.get()); }

 private:
  const UniqueFd fd_;
  const std::string sync_point_;
};

class DirectoryLock final : public FileSystem::Lock {
 public:
  explicit DirectoryLock(UniqueFd fd) : fd_(std::move(fd)) {}

 private:
  UniqueFd fd_;
};

}  // namespace

std::size_t room_for_open_files(std::size_t wanted) {
  constexpr rlim_t kOthers = 4096;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  const rlim_t enough = rlim_t{wanted} + kOthers;
  if (limit.rlim_cur < enough) {
    limit.rlim_cur = std::min(enough, limit.rlim_max);
    static_cast<void>(::setrlimit(RLIMIT_NOFILE, &limit));
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  }
  return std::min(wanted, std::max<std::size_t>(limit.rlim_cur >= enough ? wanted : limit.rlim_cur / 2, 1));
}

bool write_all(FileOutput& file, const std::uint8_t* data, std::size_t size, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t count = file.write(data + done, size - done, offset + done);
    if (count > 0) {
      done += static_cast<std::size_t>(count);
    } else if (count == 0) {
      errno = EIO;
      return false;
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

std::optional<std::size_t> read_all(File& file, std::uint8_t* data, std::size_t size, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t count = file.read(data + done, size - done, offset + done);
    if (count > 0) {
      done += static_cast<std::size_t>(count);
    } else if (count == 0) {
      break;
    } else if (errno != EINTR) {
      return std::nullopt;
    }
  }
  return done;
}

RegularFile::RegularFile(UniqueFd fd, std::string_view kind)
    : fd_(std::move(fd)),
      write_point_(std::string(kind) + ".write"),
      truncate_point_(std::string(kind) + ".truncate"),
      sync_point_(std::string(kind) + ".sync") {}

ssize_t RegularFile::write(const std::uint8_t* data, std::size_t size, std::uint64_t offset) {
  if (const Failure failure = fail_point(write_point_.c_str()); failure.error != 0) {
    if (failure.short_write && size > 1) {
      [[maybe_unused]] const ssize_t half = ::pwrite(fd_.get(), data, size / 2, static_cast<off_t>(offset));
    }
    errno = failure.error;
    return -1;
  }
  return ::pwrite(fd_.get(), data, size, static_cast<off_t>(offset));
}

int RegularFile::truncate(std::uint64_t size) {
  if (fails(truncate_point_)) return -1;
  return ::ftruncate(fd_.get(), static_cast<off_t>(size));
}

int RegularFile::sync() {
  if (fails(sync_point_)) return -1;
  return ::fdatasync(fd_.get());
}

ssize_t RegularFile::read(std::uint8_t* data, std::size_t size, std::uint64_t offset) {
  return ::pread(fd_.get(), data, size, static_cast<off_t>(offset));
}

std::int64_t RegularFile::size() {
  struct stat status {};
  return ::fstat(fd_.get(), &status) == 0 ? status.st_size : -1;
}

std::unique_ptr<File> RealFileSystem::open(const std::string& path, Open how) {
  if (how == Open::kNew && fails(kind_ + ".create")) return nullptr;
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | (how == Open::kNew ? O_CREAT | O_EXCL : 0), 0640));
  if (!fd) return nullptr;
  return std::make_unique<RegularFile>(std::move(fd), kind_);
}

int RealFileSystem::rename(const std::string& from, const std::string& to) {
  return fails(kind_ + ".rename") ? -1 : ::rename(from.c_str(), to.c_str());
}

int RealFileSystem::remove(const std::string& path) {
  return fails(kind_ + ".unlink") ? -1 : ::unlink(path.c_str());
}

int RealFileSystem::make_directory(const std::string& path) {
  const std::size_t slash = path.find_last_not_of('/');
  for (std::size_t end = 1; end != std::string::npos;) {
    end = path.find('/', end + 1);
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), 0750) != 0 && errno != EEXIST) {
      struct stat status {};
      if (::stat(part.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) continue;  // EROFS for one that is there
      return -1;
    }
    if (end != std::string::npos && end > slash) break;
  }
  return 0;
}

int RealFileSystem::sync_directory(const std::string& path) {
  const UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Directories that cannot be opened for reading or do not know fsync(2) are left to their file system.
  return !directory || ::fsync(directory.get()) == 0 || errno == EINVAL ? 0 : -1;
}

std::optional<std::vector<std::string>> RealFileSystem::list(const std::string& directory) {
  std::error_code error;
  std::vector<std::string> names;
  std::filesystem::directory_iterator entry(directory, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  if (!error) return names;
  errno = error.value();
  return std::nullopt;
}

std::unique_ptr<FileSystem::Lock> RealFileSystem::lock(const std::string& directory) {
  UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return nullptr;
  return std::make_unique<DirectoryLock>(std::move(fd));
}

std::unique_ptr<FileSystem::Volume> RealFileSystem::volume(const std::string& directory) {
  UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return nullptr;
  return std::make_unique<MountedVolume>(std::move(fd), kind_);
}

Error file_error(std::string_view action, std::string_view thing, const std::string& path, int error) {
  const Remedy remedy = remedy_for(error);
  return {remedy.code, "cannot " + std::string(action) + " " + std::string(thing) + " " + lc::quoted(path) + ": " +
                           errno_text(error) + "; " + remedy.text};
}

}  // namespace lc
