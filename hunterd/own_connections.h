// Which TCP connections this process has to a peer, so that capture can leave its own traffic out.
#pragma once

#include <string>
#include <vector>

#include "common/capture/live_source.h"

namespace lc::hunter {

/// This process's established TCP connections whose far end has `remote_port`, read from its own descriptors
/// (/proc/self/fd, getsockname(2), getpeername(2)). Any thread.
std::vector<capture::Connection> own_connections(int remote_port);

}  // namespace lc::hunter
