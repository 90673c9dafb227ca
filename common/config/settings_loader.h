// Settings from the command line, the environment and YAML files.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "common/config/fault.h"
#include "common/config/option.h"
#include "common/config/settings.h"

namespace lc::config {

/// All that is read; a test gives its own.
struct Sources {
  std::vector<std::string> arguments = {};  // without the program's name
  std::map<std::string, std::string> environment = {};
  std::vector<std::filesystem::path> files = {};  // a later one overrides; each may be missing
};

/// The process's arguments and environment, and /etc/lippycat/<role>.yaml, ~/.config/lippycat/config.yaml,
/// ~/.config/lippycat.yaml. Not while another thread changes the environment.
Sources system_sources(int argc, const char* const* argv, std::string_view role);

struct Loaded {
  Settings settings;                  // a row at fault has its default: good for further checks, not for running
  std::vector<Fault> faults;          // all of them, options first
  std::vector<std::string> warnings;  // one line each: LIPPYCAT_ variables that no option knows
};

/// Option before environment before file before default, for every row of the table; a list is replaced as a whole. An
/// option or LIPPYCAT_CONFIG that names a file replaces `files`. With --help or --version nothing else is read and
/// nothing is a fault. Throws std::logic_error for a table that contradicts itself (see check_table).
Loaded load(const Program& program, const Sources& sources);

/// What main returns for these faults: kUsage if an option is among them, else kBadConfig.
ExitCode exit_code(std::span<const Fault> faults);

}  // namespace lc::config
