// A certificate file, and when the certificate in it runs out.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>

#include "common/base/clock.h"

namespace lc::pki {

/// Any thread. Reads the file anew once a minute, as certificates are replaced while processes run.
class CertificateFile {
 public:
  /// Empty: there is none.
  explicit CertificateFile(std::string path) : path_(std::move(path)) {}

  /// Of the first certificate in it, nanoseconds since 1970; 0: there is no file, or it can't be read.
  std::int64_t not_after_ns();

 private:
  const std::string path_;
  std::mutex mutex_;
  std::int64_t not_after_ns_ = 0;
  Clock::time_point read_again_at_ = {};
};

}  // namespace lc::pki
