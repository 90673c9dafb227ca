// An AF_PACKET socket that only sends (packet(7)).
#pragma once

#include <string>

#include "common/base/unique_fd.h"

namespace lc::bench {

/// Bound to `interface`, past its queueing discipline. Throws std::system_error; needs CAP_NET_RAW.
UniqueFd open_packet_socket(const std::string& interface);

}  // namespace lc::bench
