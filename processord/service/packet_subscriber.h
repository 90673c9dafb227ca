// The server's end of one SubscribePackets call.
#pragma once

#include "lippycat/data.pb.h"
#include "processord/engine/packet_hub.h"
#include "processord/service/server_stream.h"

namespace lc::processor {

/// Writes what its subscription's queue holds.
class PacketSubscriber final : public ServerStream<lippycat::data::PacketBatch, Subscription> {
 public:
  static PacketSubscriber* start(PacketHub& hub, const lippycat::data::SubscribeRequest& request);

  explicit PacketSubscriber(PacketHub& hub) : hub_(hub) {}

 private:
  bool produce(Subscription& subscription, lippycat::data::PacketBatch& message) override;
  [[nodiscard]] bool has_next(const Subscription& subscription) const override { return subscription.has_next(); }
  void leave(const std::shared_ptr<Subscription>& subscription) override { hub_.unsubscribe(subscription); }

  PacketHub& hub_;
};

}  // namespace lc::processor
