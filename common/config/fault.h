// What is wrong with a setting.
#pragma once

#include <string>

#include "common/base/exit_code.h"

namespace lc::config {

struct Fault {
  ExitCode code = ExitCode::kBadConfig;  // kUsage for options, kBadConfig for environment and files
  std::string text = {};                 // one line
};

}  // namespace lc::config
