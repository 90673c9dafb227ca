// The options of a node that keeps on disk what it can't send: one table for all, and the values it gives.
#pragma once

#include <string>
#include <vector>

#include "common/config/option.h"
#include "common/config/settings.h"
#include "common/spool/open_spool.h"

namespace lc::packet {

/// What is different from node to node.
struct SpoolWords {
  std::string section;      // of the configuration file
  std::string overflow;     // what goes to disk with --spool-mode overflow
  bool has_always = false;  // --spool-mode always is there too
  std::string directory;    // the default one, in words
};
std::vector<config::Option> spool_options(const SpoolWords& words);

/// Of a table with those rows.
spool::SpoolSettings spool_settings(const config::Settings& settings, const std::string& default_directory);

}  // namespace lc::packet
