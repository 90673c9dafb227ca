// Who is at the other end of a call.
#pragma once

#include <string>
#include <utility>

namespace lc::processor {

/// gRPC says "ipv4:192.0.2.1:40000" and "ipv6:%5B2001:db8::1%5D:40000"; this is 192.0.2.1:40000, [2001:db8::1]:40000.
inline std::string readable_peer(const std::string& peer) {
  std::string address = peer.substr(peer.find(':') + 1);
  for (const auto& [from, to] : {std::pair{"%5B", "["}, std::pair{"%5D", "]"}}) {
    if (const std::size_t at = address.find(from); at != std::string::npos) address.replace(at, 3, to);
  }
  return address;
}

}  // namespace lc::processor
