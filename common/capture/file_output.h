// The calls a capture file makes to the system, behind an interface so that tests can make them fail.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/unique_fd.h"

namespace lc::capture {

/// Each call gives what the system call of the same kind gives, and sets errno like it. One thread.
class FileOutput {
 public:
  virtual ~FileOutput() = default;
  virtual ssize_t write(const std::uint8_t* data, std::size_t size, std::uint64_t offset) = 0;  // pwrite(2)
  virtual int truncate(std::uint64_t size) = 0;                                                 // ftruncate(2)
  virtual int sync() = 0;                                                                       // fdatasync(2)
};

/// A regular file that is open for writing.
class RegularFile final : public FileOutput {
 public:
  explicit RegularFile(UniqueFd fd) : fd_(std::move(fd)) {}

  ssize_t write(const std::uint8_t* data, std::size_t size, std::uint64_t offset) override;
  int truncate(std::uint64_t size) override;
  int sync() override;

 private:
  UniqueFd fd_;
};

/// `cannot ACTION capture file "PATH": WHY; REMEDY` for an errno value. kResourceExhausted: no space, which passes by
/// itself; kPermissionDenied, kNotFound, kFailedPrecondition: somebody has to act; kUnavailable: everything else.
Error file_error(std::string_view action, const std::string& path, int error);

}  // namespace lc::capture
