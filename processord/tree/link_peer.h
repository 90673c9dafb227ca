// The stream under one end of a link, as the tree sees it.
#pragma once

#include <functional>
#include <string>

namespace lc::processor {

struct LinkPeer {
  std::string address;          // of the other side's connection, for people
  std::function<void()> ready;  // there is something to send again; any thread, never under a lock
};

}  // namespace lc::processor
