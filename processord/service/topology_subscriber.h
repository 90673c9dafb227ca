// The server's end of one SubscribeTopology call.
#pragma once

#include <memory>

#include "common/wire/topology_messages.h"
#include "lippycat/management.pb.h"
#include "processord/service/server_stream.h"
#include "processord/tree/figures_board.h"
#include "processord/tree/topology.h"

namespace lc::processor {

/// Writes the tree, and then each change of it; figures, if they are asked for, when there is no change to write.
class TopologySubscriber final : public ServerStream<lippycat::management::TopologyUpdate, TopologySubscription> {
 public:
  static TopologySubscriber* start(Topology& topology, FiguresBoard& figures, wire::Teller teller,
                                   const lippycat::management::TopologySubscribeRequest& request);

  TopologySubscriber(Topology& topology, FiguresBoard& figures, wire::Teller teller)
      : topology_(topology), figures_(figures), teller_(std::move(teller)) {}

 private:
  bool produce(TopologySubscription& subscription, lippycat::management::TopologyUpdate& message) override;
  [[nodiscard]] bool has_next(const TopologySubscription& subscription) const override;
  void leave(const std::shared_ptr<TopologySubscription>& subscription) override;

  Topology& topology_;
  FiguresBoard& figures_;
  const wire::Teller teller_;
  std::shared_ptr<FiguresSubscription> wanted_figures_;  // null: none are asked for
};

}  // namespace lc::processor
