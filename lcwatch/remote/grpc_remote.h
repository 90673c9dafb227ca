// The processors that are watched, over the network.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "common/base/clock.h"
#include "lcwatch/model/inbox.h"
#include "lcwatch/model/remote.h"
#include "lcwatch/remote/packet_queue.h"
#include "lcwatch/remote/watched.h"
#include "lcwatch/remote/worker.h"

namespace lc::watch {

class ServerLink;

/// Made after signals are blocked. Everything that comes goes into the inbox, by gRPC's threads and one of its own;
/// with a queue every batch of packets goes there instead. Both must outlive it.
class GrpcRemote final : public Remote {
 public:
  GrpcRemote(const std::vector<WatchedServer>& servers, const WatchedStreams& streams, Inbox& inbox,
             PacketQueue* packets = nullptr, const TimeSource& time = kSteady);
  /// Cancels what is under way, and waits until it has ended.
  ~GrpcRemote() override;

  [[nodiscard]] const std::vector<Server>& servers() const override { return servers_; }
  void choose_hunters(ServerIndex server, std::optional<std::set<std::string>> hunters) override;
  void want_packets(ServerIndex server, bool wanted) override;
  void show_call(ServerIndex server, std::string id) override;
  void list_filters(ServerIndex server, fleet::NodePath path) override;
  std::uint64_t save_filter(ServerIndex server, fleet::NodePath path, fleet::Filter filter) override;
  std::uint64_t delete_filter(ServerIndex server, fleet::NodePath path, std::string id) override;
  void resync(ServerIndex server) override;

 private:
  template <typename Function>
  void post(ServerIndex server, Function function);

  static const TimeSource kSteady;

  std::vector<Server> servers_;
  std::atomic<std::uint64_t> operations_{0};
  std::vector<std::unique_ptr<ServerLink>> links_;  // for the worker
  Worker worker_{"remote"};
  Worker inquirer_{"inquirer"};  // goes first: it posts to the other one
};

}  // namespace lc::watch
