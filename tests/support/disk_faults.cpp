// These definitions come before the C library's in the link, for everything in the test program.
#include "tests/support/disk_faults.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace lc::test {
namespace {

std::atomic<DiskFaults*> current{nullptr};
std::shared_mutex still;

}  // namespace

DiskFaults::DiskFaults() {
  current = this;
}
DiskFaults::~DiskFaults() {
  current = nullptr;
}

StillDisk::StillDisk() : lock_(still) {}

}  // namespace lc::test

extern "C" ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) {
  if (lc::test::DiskFaults* faults = lc::test::current.load(); faults != nullptr) {
    if (const int delay = faults->write_delay_us; delay > 0) ::usleep(static_cast<useconds_t>(delay));
    if (const int error = faults->write_error; error != 0) {
      ++faults->failed_writes;
      errno = error;
      return -1;
    }
  }
  const std::shared_lock moves(lc::test::still);
  return ::syscall(SYS_pwrite64, fd, data, size, offset);
}

extern "C" int fdatasync(int fd) {
  if (lc::test::DiskFaults* faults = lc::test::current.load(); faults != nullptr) {
    if (faults->failing_syncs.fetch_sub(1) > 0) {
      errno = EIO;
      return -1;
    }
    ++faults->failing_syncs;
  }
  return static_cast<int>(::syscall(SYS_fdatasync, fd));
}

extern "C" int syncfs(int fd) noexcept {
  if (lc::test::DiskFaults* faults = lc::test::current.load(); faults != nullptr) {
    ++faults->volume_syncs;
    if (faults->failing_volume_syncs.fetch_sub(1) > 0) {
      errno = EIO;
      return -1;
    }
    ++faults->failing_volume_syncs;
  }
  return static_cast<int>(::syscall(SYS_syncfs, fd));
}

extern "C" int unlink(const char* path) noexcept {
  const std::shared_lock moves(lc::test::still);
  return static_cast<int>(::syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}
