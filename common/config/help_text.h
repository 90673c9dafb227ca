// The option table and the settings in force, as text for people.
#pragma once

#include <string>

#include "common/config/option.h"
#include "common/config/settings.h"

namespace lc::config {

/// For --help: every row with its default, environment variable and YAML key, at most 80 columns where words allow.
std::string help_text(const Program& program);

/// For --print-config: YAML that --config takes back to the same settings; each line says where the value is from.
/// Keys that only a file can set are left out while they are not set.
std::string config_text(const Program& program, const Settings& settings);

}  // namespace lc::config
