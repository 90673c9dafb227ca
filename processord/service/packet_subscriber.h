// The server's end of one SubscribePackets call.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <memory>

#include "lippycat/data.pb.h"
#include "processord/engine/engine.h"

namespace lc::processor {

/// Writes what its subscription's queue holds, as fast as the console reads and no faster. Keeps itself alive until
/// OnDone.
class PacketSubscriber final : public grpc::ServerWriteReactor<lippycat::data::PacketBatch>,
                               public std::enable_shared_from_this<PacketSubscriber> {
 public:
  static PacketSubscriber* start(Engine& engine, const lippycat::data::SubscribeRequest& request);

  explicit PacketSubscriber(Engine& engine) : engine_(engine) {}

 private:
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  void close(const grpc::Status& status);
  void settle();
  bool produce();

  Engine& engine_;
  std::shared_ptr<Subscription> subscription_;
  lippycat::data::PacketBatch outgoing_;
  std::atomic<bool> busy_{true};  // until the subscription stands
  std::atomic<bool> closing_{false};
  std::atomic<bool> close_claimed_{false};
  grpc::Status close_status_;  // written by who claimed it, before closing_
  std::shared_ptr<PacketSubscriber> self_;
};

}  // namespace lc::processor
