#include "common/capture/file_pool.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "common/base/fail_point.h"

namespace lc::capture {

class FilePool::PooledFile final : public FileOutput {
 public:
  PooledFile(FilePool& pool, std::string path, const FileIdentity& identity)
      : pool_(pool), path_(std::move(path)), identity_(identity) {}
  ~PooledFile() override {
    if (file_) pool_.open_.erase(place_);
  }
  PooledFile(const PooledFile&) = delete;
  PooledFile& operator=(const PooledFile&) = delete;

  ssize_t write(const std::uint8_t* data, std::size_t size, std::uint64_t offset) override {
    return use() ? file_->write(data, size, offset) : -1;
  }
  int truncate(std::uint64_t size) override { return use() ? file_->truncate(size) : -1; }
  int sync() override { return use() ? file_->sync() : -1; }

 private:
  friend class FilePool;

  bool use() {
    if (!file_) return pool_.open_again(*this);
    pool_.open_.splice(pool_.open_.begin(), pool_.open_, place_);
    return true;
  }

  FilePool& pool_;
  const std::string path_;
  const FileIdentity identity_;
  std::unique_ptr<RegularFile> file_;  // while it is open
  std::list<PooledFile*>::iterator place_;
};

std::unique_ptr<FileOutput> FilePool::add(UniqueFd fd, std::string path, const FileIdentity& identity) {
  make_room();
  auto file = std::make_unique<PooledFile>(*this, std::move(path), identity);
  file->file_ = std::make_unique<RegularFile>(std::move(fd), "capture");
  open_.push_front(file.get());
  file->place_ = open_.begin();
  return file;
}

void FilePool::evict_one() {
  open_.back()->file_.reset();
  open_.pop_back();
  ++evictions_;
}

void FilePool::make_room() {
  while (open_.size() >= std::max<std::size_t>(most_open_, 1)) evict_one();
}

bool FilePool::open_again(PooledFile& file) {
  if (const Failure failure = fail_point("capture.reopen"); failure.error != 0) {
    errno = failure.error;
    return false;
  }
  make_room();
  const auto open = [&] {
    return UniqueFd(::open(file.path_.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  };
  UniqueFd fd = open();
  while (!fd && (errno == EMFILE || errno == ENFILE) && !open_.empty()) {  // others take descriptors too
    evict_one();
    fd = open();
  }
  if (!fd) {
    const bool something_else =
        errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == EISDIR || errno == ENXIO;
    if (something_else) errno = ESTALE;
    return false;
  }
  const std::optional<FileIdentity> identity = identity_of(fd.get());
  if (!identity) return false;
  const bool taken = ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  if (taken || !same_file(*identity, file.identity_)) {
    errno = ESTALE;
    return false;
  }
  file.file_ = std::make_unique<RegularFile>(std::move(fd), "capture");
  open_.push_front(&file);
  file.place_ = open_.begin();
  return true;
}

}  // namespace lc::capture
