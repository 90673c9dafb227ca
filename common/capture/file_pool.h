// More files than may be open at a time: descriptors are lent to those that are written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>

#include "common/base/file.h"
#include "common/base/unique_fd.h"
#include "common/capture/file_identity.h"

namespace lc::capture {

/// Closes the file that was written least recently when another one needs its descriptor, and opens it again by its
/// path when it is written next. A path that leads to another file by then gives ESTALE: nothing is written to it. Open
/// files are locked (flock(2)); keeping others away from the closed ones is the owner's affair. Outlives its files. One
/// thread.
class FilePool {
 public:
  explicit FilePool(std::size_t most_open) : most_open_(most_open) {}
  FilePool(const FilePool&) = delete;
  FilePool& operator=(const FilePool&) = delete;

  /// Takes a file that has just been opened for writing, and locked.
  std::unique_ptr<FileOutput> add(UniqueFd fd, std::string path, const FileIdentity& identity);

  [[nodiscard]] std::size_t open_files() const { return open_.size(); }
  /// How many times a file was closed for another. Whoever has not seen fdatasync(2) succeed on it before can only ask
  /// its filesystem (syncfs(2)) now: the inode may be forgotten, and with it an error of writing back.
  [[nodiscard]] std::uint64_t evictions() const { return evictions_; }

 private:
  class PooledFile;

  bool open_again(PooledFile& file);  // false: errno
  void make_room();
  void evict_one();

  const std::size_t most_open_;
  std::uint64_t evictions_ = 0;
  std::list<PooledFile*> open_;  // the one written last comes first
};

}  // namespace lc::capture
