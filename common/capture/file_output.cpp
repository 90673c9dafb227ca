#include "common/capture/file_output.h"

#include <unistd.h>

#include <cerrno>

#include "common/base/text.h"

namespace lc::capture {
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

}  // namespace

ssize_t RegularFile::write(const std::uint8_t* data, std::size_t size, std::uint64_t offset) {
  return ::pwrite(fd_.get(), data, size, static_cast<off_t>(offset));
}

int RegularFile::truncate(std::uint64_t size) {
  return ::ftruncate(fd_.get(), static_cast<off_t>(size));
}

int RegularFile::sync() {
  return ::fdatasync(fd_.get());
}

Error file_error(std::string_view action, const std::string& path, int error) {
  const Remedy remedy = remedy_for(error);
  return {remedy.code, "cannot " + std::string(action) + " capture file " + quoted(path) + ": " + errno_text(error) +
                           "; " + remedy.text};
}

}  // namespace lc::capture
