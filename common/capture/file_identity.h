// Which file has a name: the same one as before, or another.
#pragma once

#include <cstdint>
#include <optional>

namespace lc::capture {

/// Tells a file from any other that had its name before or will have it: by inode and birth, and where no birth is
/// known by device.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t birth_ns = 0;  // since 1970; 0 where the file system does not know (statx(2))

  bool operator==(const FileIdentity&) const = default;
};

/// Nothing, with errno, when the system does not tell. Any thread.
std::optional<FileIdentity> identity_of(int fd);

/// Whether it is one file, perhaps seen before a restart of the system and after it. Any thread.
bool same_file(const FileIdentity& a, const FileIdentity& b);

}  // namespace lc::capture
