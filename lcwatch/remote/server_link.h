// All that goes on between the console and one processor.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "lcwatch/model/inbox.h"
#include "lcwatch/remote/call_taker.h"
#include "lcwatch/remote/connection.h"
#include "lcwatch/remote/feed.h"
#include "lcwatch/remote/operations.h"
#include "lcwatch/remote/packet_taker.h"
#include "lcwatch/remote/topology_taker.h"
#include "lcwatch/remote/watched.h"
#include "lcwatch/remote/worker.h"

namespace lc::watch {

/// On the worker's thread. Each subscription lives by itself; when one gets through, those that wait try at once.
class ServerLink {
 public:
  struct Parts {
    Worker& worker;
    Worker& inquirer;  // for what may block
    Inbox& inbox;
    PacketQueue* packets;  // null: rows into the inbox
    const TimeSource& time;
  };
  ServerLink(ServerIndex index, const WatchedServer& server, const WatchedStreams& streams, const Parts& parts);

  void start();
  /// `done` when nothing is under way any more; nothing else after that.
  void close(std::function<void()> done);

  void choose_hunters(std::optional<std::set<std::string>> hunters);
  void want_packets(bool wanted) { packets_.want(wanted); }
  void resume_packets() { packets_.resume(); }
  void show_call(const std::string& id);
  void resync();

  void list_filters(const fleet::NodePath& path);
  void save_filter(std::uint64_t operation, const fleet::NodePath& path, const fleet::Filter& filter);
  void delete_filter(std::uint64_t operation, const fleet::NodePath& path, const std::string& id);

 private:
  static constexpr std::size_t kKinds = 3;
  struct Down {
    Error error;
    Clock::time_point retry_at;
  };

  Feed::Subscription topology_subscription();
  Feed::Subscription packet_subscription();
  Feed::Subscription call_subscription();
  Feed::Subscription shown_subscription();
  void announce_up(StreamKind kind);
  void announce_down(StreamKind kind, Error error, bool stood, Clock::time_point retry_at);
  void inquire(const std::string& text);
  void push_down(StreamKind kind, const Down& down);
  void got_through();
  void ask_access();
  void look_idle();
  void finish(std::uint64_t operation, Result<std::string> outcome);
  [[nodiscard]] std::string target_of(const fleet::NodePath& path) const;

  const ServerIndex index_;
  const WatchedStreams streams_;
  Worker& worker_;
  Worker& inquirer_;
  Inbox& inbox_;
  std::optional<std::set<std::string>> hunters_;
  Connection connection_;
  TopologyTaker topology_taker_;
  PacketTaker packet_taker_;
  CallTaker call_taker_;
  Feed topology_, packets_, calls_, shown_;
  Operations operations_;
  bool inquiring_ = false;
  std::function<void()> closed_;

  std::mutex mutex_;
  std::array<std::optional<Down>, kKinds> down_;  // with mutex_: gRPC's threads say what stands
};

}  // namespace lc::watch
