// What is watched: which processors, and what of them.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "common/config/tls_settings.h"

namespace lc::watch {

/// One processor, as the options or the nodes file name it.
struct WatchedServer {
  std::string name;     // for people; unique
  std::string address;  // host:port
  config::TlsSettings tls;
  std::optional<std::set<std::string>> hunters;  // packets of these only; nothing: of all
};

/// Which subscriptions are kept, as far as it is not said later.
struct WatchedStreams {
  bool topology = true;
  bool figures = true;  // with the topology
  bool calls = true;
  bool packets = true;
  std::string packet_filter = {};  // libpcap expression; empty: every packet
  bool access = true;              // whether filters may be changed is asked whenever the topology comes
};

}  // namespace lc::watch
