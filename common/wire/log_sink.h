// Where log lines go: Boost.Log to standard error, as text or JSON.
#pragma once

#include <string>

#include "common/base/log.h"

namespace lc::wire {

enum class LogFormat { kText, kJson };

/// Before any thread starts: routes lc::log to standard error, one line each, and gRPC's own messages with it, at level
/// debug: the call that fails says so by itself.
void start_logging(log::Level level, LogFormat format);

/// For servers, where no call fails when a client's handshake does: those messages of gRPC become warnings.
void log_refused_handshakes();

}  // namespace lc::wire
