// A disk that fails, is slow or stands still at will: pwrite(2), fdatasync(2), syncfs(2) and unlink(2) of this program,
// which capture files, spool and journal use.
#pragma once

#include <atomic>
#include <mutex>
#include <shared_mutex>

namespace lc::test {

/// The disk is well again when the object goes. One at a time.
class DiskFaults {
 public:
  DiskFaults();
  ~DiskFaults();
  DiskFaults(const DiskFaults&) = delete;
  DiskFaults& operator=(const DiskFaults&) = delete;

  std::atomic<int> write_error{0};    // errno; 0 = none
  std::atomic<int> failing_syncs{0};  // that many of the next ones give EIO
  std::atomic<int> failing_volume_syncs{0};
  std::atomic<int> volume_syncs{0};
  std::atomic<int> write_delay_us{0};  // each pwrite takes that much longer
  std::atomic<int> failed_writes{0};
};

/// While it lives, nothing is written or removed: a copy of a directory is one that a kill could have left.
class StillDisk {
 public:
  StillDisk();

 private:
  std::unique_lock<std::shared_mutex> lock_;
};

}  // namespace lc::test
