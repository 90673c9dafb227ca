// Which TCP connections are this process's, so that capture can leave its own traffic out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/capture/live_source.h"

namespace lc::capture {

/// This process's established TCP connections whose far end has `remote_port`, read from its own descriptors
/// (/proc/self/fd, getsockname(2), getpeername(2)). Any thread.
std::vector<Connection> own_connections(int remote_port);

/// All connections, present and to come, to a port that this process listens on: at `host`, or if that is not one
/// address, at all addresses that this host has now (getifaddrs(3)). Any thread.
std::vector<Connection> own_listener(const std::string& host, std::uint16_t port);

}  // namespace lc::capture
