#include "lcwatch/remote/grpc_remote.h"

#include <latch>
#include <utility>

#include "lcwatch/remote/server_link.h"

namespace lc::watch {

const TimeSource GrpcRemote::kSteady;

GrpcRemote::GrpcRemote(const std::vector<WatchedServer>& servers, const WatchedStreams& streams, Inbox& inbox,
                       PacketQueue* packets, const TimeSource& time) {
  for (const WatchedServer& server : servers) {
    servers_.push_back({server.name, server.address});
    links_.push_back(std::make_unique<ServerLink>(links_.size(), server, streams,
                                                  ServerLink::Parts{worker_, inquirer_, inbox, packets, time}));
  }
  if (packets != nullptr) {
    packets->on_room([this] {
      worker_.post([this] {
        for (const auto& link : links_) link->resume_packets();
      });
    });
  }
  worker_.post([this] {
    for (const auto& link : links_) link->start();
  });
}

GrpcRemote::~GrpcRemote() {
  const auto closed = std::make_shared<std::latch>(static_cast<std::ptrdiff_t>(links_.size()));
  worker_.post([this, closed] {
    for (const auto& link : links_) link->close([closed] { closed->count_down(); });
  });
  closed->wait();
}

template <typename Function>
void GrpcRemote::post(ServerIndex server, Function function) {
  worker_.post([link = links_.at(server).get(), function = std::move(function)] { function(*link); });
}

void GrpcRemote::choose_hunters(ServerIndex server, std::optional<std::set<std::string>> hunters) {
  post(server, [hunters = std::move(hunters)](ServerLink& link) { link.choose_hunters(hunters); });
}

void GrpcRemote::want_packets(ServerIndex server, bool wanted) {
  post(server, [wanted](ServerLink& link) { link.want_packets(wanted); });
}

void GrpcRemote::show_call(ServerIndex server, std::string id) {
  post(server, [id = std::move(id)](ServerLink& link) { link.show_call(id); });
}

void GrpcRemote::list_filters(ServerIndex server, fleet::NodePath path) {
  post(server, [path = std::move(path)](ServerLink& link) { link.list_filters(path); });
}

std::uint64_t GrpcRemote::save_filter(ServerIndex server, fleet::NodePath path, fleet::Filter filter) {
  const std::uint64_t operation = ++operations_;
  post(server, [operation, path = std::move(path), filter = std::move(filter)](ServerLink& link) {
    link.save_filter(operation, path, filter);
  });
  return operation;
}

std::uint64_t GrpcRemote::delete_filter(ServerIndex server, fleet::NodePath path, std::string id) {
  const std::uint64_t operation = ++operations_;
  post(server, [operation, path = std::move(path), id = std::move(id)](ServerLink& link) {
    link.delete_filter(operation, path, id);
  });
  return operation;
}

void GrpcRemote::resync(ServerIndex server) {
  post(server, [](ServerLink& link) { link.resync(); });
}

}  // namespace lc::watch
