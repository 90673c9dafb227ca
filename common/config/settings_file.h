// Settings from one YAML file. Internal to this folder.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "common/config/option.h"
#include "common/config/reading.h"

namespace lc::config {

/// Missing and unreachable files give an empty reading unless `required`; larger than 1 MiB is a fault.
Reading read_settings_file(const Program& program, const std::filesystem::path& path, bool required);

/// The same for a file's text; `file` names it in faults and origins.
Reading read_settings_text(const Program& program, const std::string& file, std::string_view text);

}  // namespace lc::config
