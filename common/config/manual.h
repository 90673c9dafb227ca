// The option table as what a package ships: parts of man pages, bash completion, a commented configuration file.
#pragma once

#include <string>

#include "common/config/option.h"

namespace lc::config {

/// OPTIONS, ENVIRONMENT and FILES of a man page (man(7)): every row, with a heading (.SS) for each group.
std::string man_sections(const Program& program);

/// The keys of the file (man(7)), each with what it may be and its default, for the page of the configuration file.
std::string man_keys(const Program& program);

/// A bash completion for the program: options, and what they may be where that is a closed set, a file or a directory.
std::string bash_completion(const Program& program);

/// YAML in which every key of the program is there with its default and what it means, all of it commented out. Read as
/// it is, it sets nothing.
std::string example_file(const Program& program);

}  // namespace lc::config
