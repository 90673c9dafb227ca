// Files and directories as the storing parts see them: behind interfaces, so that tests can make each call fail.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace lc {

/// Raises this process's limit of open files (setrlimit(2)) as far as it may, so that `wanted` fit beside connections
/// and what else a process has open. How many of them do.
std::size_t room_for_open_files(std::size_t wanted);

/// A file that is written. Each call gives what the system call of the same kind gives, and sets errno like it. One
/// thread.
class FileOutput {
 public:
  virtual ~FileOutput() = default;
  virtual ssize_t write(const std::uint8_t* data, std::size_t size, std::uint64_t offset) = 0;  // pwrite(2)
  virtual int truncate(std::uint64_t size) = 0;                                                 // ftruncate(2)
  virtual int sync() = 0;                                                                       // fdatasync(2)
};

/// And read.
class File : public FileOutput {
 public:
  virtual ssize_t read(std::uint8_t* data, std::size_t size, std::uint64_t offset) = 0;  // pread(2)
  virtual std::int64_t size() = 0;                                                       // as fstat(2); -1: failed
};

/// All of [data, data + size) is in the file, or errno says why not.
bool write_all(FileOutput& file, const std::uint8_t* data, std::size_t size, std::uint64_t offset);

/// As many bytes as there are, up to `size`; nothing with errno.
std::optional<std::size_t> read_all(File& file, std::uint8_t* data, std::size_t size, std::uint64_t offset);

/// A regular file that is open.
class RegularFile final : public File {
 public:
  /// `kind`: capture, spool or journal; prefix of its fail-points KIND.write, KIND.truncate and KIND.sync.
  RegularFile(UniqueFd fd, std::string_view kind);

  ssize_t write(const std::uint8_t* data, std::size_t size, std::uint64_t offset) override;
  int truncate(std::uint64_t size) override;
  int sync() override;
  ssize_t read(std::uint8_t* data, std::size_t size, std::uint64_t offset) override;
  std::int64_t size() override;

 private:
  const UniqueFd fd_;
  const std::string write_point_, truncate_point_, sync_point_;
};

/// Names in directories; the calls give what the system calls give, and set errno like them. One thread.
class FileSystem {
 public:
  enum class Open { kExisting, kNew };

  virtual ~FileSystem() = default;
  /// For reading and writing; null with errno. kNew makes it with mode 0640; EEXIST when it is there.
  virtual std::unique_ptr<File> open(const std::string& path, Open how) = 0;
  virtual int rename(const std::string& from, const std::string& to) = 0;
  virtual int remove(const std::string& path) = 0;
  /// With its parents, mode 0750; fine when it is there.
  virtual int make_directory(const std::string& path) = 0;
  /// New, changed and removed names survive a loss of power.
  virtual int sync_directory(const std::string& path) = 0;
  virtual std::optional<std::vector<std::string>> list(const std::string& directory) = 0;
  /// Keeps other processes out of the directory while `Lock` lives; null with errno, EWOULDBLOCK when one is in it.
  class Lock {
   public:
    virtual ~Lock() = default;
  };
  virtual std::unique_ptr<Lock> lock(const std::string& directory) = 0;
  /// What a directory is on, with all that others have there. To be held from before the first write on: an error of
  /// writing back is told once to each who holds one then (Linux 5.8, syncfs(2)).
  class Volume {
   public:
    virtual ~Volume() = default;
    virtual int sync() = 0;  // syncfs(2)
  };
  virtual std::unique_ptr<Volume> volume(const std::string& directory) = 0;  // null with errno
};

/// The system's.
class RealFileSystem final : public FileSystem {
 public:
  /// `kind` as of RegularFile; also the prefix of KIND.create, KIND.rename, KIND.unlink and KIND.syncfs.
  explicit RealFileSystem(std::string_view kind) : kind_(kind) {}

  std::unique_ptr<File> open(const std::string& path, Open how) override;
  int rename(const std::string& from, const std::string& to) override;
  int remove(const std::string& path) override;
  int make_directory(const std::string& path) override;
  int sync_directory(const std::string& path) override;
  std::optional<std::vector<std::string>> list(const std::string& directory) override;
  std::unique_ptr<Lock> lock(const std::string& directory) override;
  std::unique_ptr<Volume> volume(const std::string& directory) override;

 private:
  const std::string kind_;
};

/// `cannot ACTION THING "PATH": WHY; REMEDY` for an errno value. kResourceExhausted: no space, which passes by itself;
/// kPermissionDenied, kNotFound, kFailedPrecondition: somebody has to act; kUnavailable: everything else.
Error file_error(std::string_view action, std::string_view thing, const std::string& path, int error);

}  // namespace lc
