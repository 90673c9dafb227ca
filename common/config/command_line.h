// Options from the command line. Internal to this folder.
#pragma once

#include <span>
#include <string>

#include "common/config/option.h"
#include "common/config/reading.h"

namespace lc::config {

/// GNU style: --name value, --name=value, -n value, -nvalue; no abbreviations, no positional arguments. The last of
/// several counts, but a list's are joined. `arguments` without the program's name.
Reading read_command_line(const Program& program, std::span<const std::string> arguments);

}  // namespace lc::config
