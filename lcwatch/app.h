// What lcwatch does: the console, or one of the things for scripts.
#pragma once

#include "common/base/signals.h"
#include "lcwatch/settings.h"

namespace lc::watch {

/// The exit codes. `signals` were made before any thread. Throw StartError when it can't begin.
int run(const WatchSettings& settings, Signals& signals);
int run(const FilterSettings& settings, Signals& signals);

}  // namespace lc::watch
