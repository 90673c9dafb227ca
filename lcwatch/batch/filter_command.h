// lcwatch filter add, rm, enable, disable and list.
#pragma once

#include <string>
#include <vector>

#include "common/base/signals.h"
#include "common/fleet/filter.h"
#include "lcwatch/remote/watched.h"

namespace lc::watch {

enum class FilterVerb { kAdd, kRemove, kEnable, kDisable, kList };

struct FilterCommand {
  FilterVerb verb = FilterVerb::kList;
  std::vector<std::string> ids;  // to be removed, enabled, disabled
  fleet::Filter filter = {};     // to be added
  std::string on = {};           // the processor below, by id or path; empty: the server itself
  bool json = false;
};

/// On the one server. The exit code; an outcome is a line on standard output, an error one on standard error.
int run_filter_command(const FilterCommand& command, const WatchedServer& server, Signals& signals);

}  // namespace lc::watch
