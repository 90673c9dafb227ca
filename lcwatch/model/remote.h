// What a console asks of the processors it watches. The real one is in remote/; tests of views have one that remembers.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/fleet/filter.h"
#include "lcwatch/model/update.h"

namespace lc::watch {

/// Called by the thread of the user interface; nothing here waits. What comes of it comes as an Update.
class Remote {
 public:
  virtual ~Remote() = default;

  struct Server {
    std::string name;     // as the nodes file calls it, else its address
    std::string address;  // host:port
  };
  [[nodiscard]] virtual const std::vector<Server>& servers() const = 0;

  /// Packets of these hunters, as GetTopology names those of the processor itself; nothing: of all. Kept over
  /// reconnects.
  virtual void choose_hunters(ServerIndex server, std::optional<std::set<std::string>> hunters) = 0;
  /// The stream of packets is ended, or begun again. Kept over reconnects.
  virtual void want_packets(ServerIndex server, bool wanted) = 0;
  /// The call with its messages, until another one is shown; empty: none.
  virtual void show_call(ServerIndex server, std::string id) = 0;

  /// The filters of the processor at the end of the path: FiltersCame.
  virtual void list_filters(ServerIndex server, fleet::NodePath path) = 0;

  // Changes; each answered by OperationDone with the number that is returned here. Tokens are fetched on the way.
  virtual std::uint64_t save_filter(ServerIndex server, fleet::NodePath path, fleet::Filter filter) = 0;
  virtual std::uint64_t delete_filter(ServerIndex server, fleet::NodePath path, std::string id) = 0;

  /// All streams of this processor anew.
  virtual void resync(ServerIndex server) = 0;
};

}  // namespace lc::watch
