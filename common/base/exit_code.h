// Exit codes of every binary, and the exception that carries one to main. 69, 77 and 78 are sysexits.h's numbers.
#pragma once

#include <stdexcept>
#include <string>

#include "common/base/result.h"

namespace lc {

enum class ExitCode : int {
  kOk = 0,
  kFailure = 1,        // failed while running
  kUsage = 2,          // unknown option, missing argument
  kUnavailable = 69,   // the service it needs cannot be reached
  kNoPermission = 77,  // names the capability or file
  kBadConfig = 78,     // bad configuration
};

/// Thrown during start-up only; main prints what() as one line on standard error and returns code().
class StartError : public std::runtime_error {
 public:
  StartError(ExitCode code, const std::string& text) : std::runtime_error(text), code_(code) {}
  [[nodiscard]] ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

/// An error that ends the start, with the exit code that fits its kind.
inline StartError start_error(const Error& error) {
  const ExitCode code = error.code == Code::kPermissionDenied     ? ExitCode::kNoPermission
                        : error.code == Code::kFailedPrecondition ? ExitCode::kBadConfig
                                                                  : ExitCode::kFailure;
  return {code, error.text};
}

}  // namespace lc
