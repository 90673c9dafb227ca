// The server's end of one SubscribeTopology call.
#pragma once

#include "lippycat/management.pb.h"
#include "processord/service/server_stream.h"
#include "common/wire/topology_messages.h"
#include "processord/tree/topology.h"

namespace lc::processor {

/// Writes the tree, and then each change of it.
class TopologySubscriber final : public ServerStream<lippycat::management::TopologyUpdate, TopologySubscription> {
 public:
  static TopologySubscriber* start(Topology& topology, wire::Teller teller,
                                   const lippycat::management::TopologySubscribeRequest& request);

  TopologySubscriber(Topology& topology, wire::Teller teller) : topology_(topology), teller_(std::move(teller)) {}

 private:
  bool produce(TopologySubscription& subscription, lippycat::management::TopologyUpdate& message) override;
  [[nodiscard]] bool has_next(const TopologySubscription& subscription) const override;
  void leave(const std::shared_ptr<TopologySubscription>& subscription) override;

  Topology& topology_;
  const wire::Teller teller_;
};

}  // namespace lc::processor
