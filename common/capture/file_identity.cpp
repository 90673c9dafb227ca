#include "common/capture/file_identity.h"

#include <fcntl.h>
#include <sys/stat.h>

namespace lc::capture {

std::optional<FileIdentity> identity_of(int fd) {
  struct statx status {};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &status) != 0) return std::nullopt;
  FileIdentity identity{.device = std::uint64_t{status.stx_dev_major} << 32 | status.stx_dev_minor,
                        .inode = status.stx_ino};
  if ((status.stx_mask & STATX_BTIME) != 0) {
    identity.birth_ns = std::int64_t{status.stx_btime.tv_sec} * 1'000'000'000 + status.stx_btime.tv_nsec;
  }
  return identity;
}

// Numbers of devices may change with a restart (btrfs, NFS): a known time of birth says more.
bool same_file(const FileIdentity& a, const FileIdentity& b) {
  return a.inode == b.inode && a.birth_ns == b.birth_ns && (a.device == b.device || a.birth_ns != 0);
}

}  // namespace lc::capture
