// What one source (command line, environment, one file) said. Internal to this folder.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/config/fault.h"
#include "common/config/value.h"

namespace lc::config {

struct Reading {
  std::map<std::string, Value> values;  // by option name
  std::vector<Fault> faults;
};

}  // namespace lc::config
