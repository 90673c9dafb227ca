// What the processors' threads bring to the thread of the user interface.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/base/guarded.h"
#include "common/base/unique_fd.h"
#include "lcwatch/model/update.h"

namespace lc::watch {

/// Bounded, however long nobody takes: of each processor the latest packets stay, and those that go are added to
/// PacketsCame::skipped; figures and calls replace those of before; of changes of the tree as many stay as the list of
/// events holds. Constructor throws std::system_error.
class Inbox {
 public:
  static constexpr std::size_t kMostPackets = 10'000;                // of a processor
  static constexpr std::size_t kMostPacketBytes = 16 * 1024 * 1024;  // likewise, as captured
  static constexpr std::size_t kMostTrees = 2'000;                   // likewise

  Inbox();

  void push(Update update);  // any thread; never waits

  /// All there is, in order. One thread.
  std::vector<Update> take();

  /// Readable (poll(2)) when there is something to take.
  [[nodiscard]] int fd() const { return event_.get(); }

 private:
  using Place = std::list<Update>::iterator;
  struct Packets {
    std::list<Place> places;
    std::size_t count = 0;
    std::size_t bytes = 0;
    std::uint64_t dropped = 0;  // since the start
  };
  struct Queue {
    std::list<Update> updates;
    std::map<ServerIndex, Packets> packets;
    std::map<ServerIndex, std::list<Place>> trees;
    std::map<std::pair<ServerIndex, fleet::NodePath>, Place> figures;
    std::map<std::pair<ServerIndex, std::string>, Place> calls;  // come or gone

    void add(Update update);
    void make_room(Packets& packets);
    void forget_calls(ServerIndex server);
  };

  Guarded<Queue> queue_;
  UniqueFd event_;
};

}  // namespace lc::watch
