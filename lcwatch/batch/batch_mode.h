// lcwatch without a console: what is there is written as text or JSON, once or as it changes.
#pragma once

#include "lcwatch/batch/batch_view.h"

namespace lc::watch {

/// The exit code. One-shot: when everything of every server is written, or can't be had. Else: until a signal, the
/// count, or the reader's end; only when no server can be reached at all is that a failure.
int run_batch(const BatchSettings& settings, const std::vector<WatchedServer>& servers,
              const std::string& packet_filter, Signals& signals);

}  // namespace lc::watch
