#include "processord/service/topology_subscriber.h"

#include "common/wire/topology_messages.h"

namespace lc::processor {

TopologySubscriber* TopologySubscriber::start(Topology& topology, wire::Teller teller,
                                              const lippycat::management::TopologySubscribeRequest& request) {
  const auto subscriber = std::make_shared<TopologySubscriber>(topology, teller);
  subscriber->begin(topology.subscribe(
      {.below = request.include_downstream(), .ready = subscriber->on_ready(), .closed = subscriber->on_closed()}));
  return subscriber.get();
}

bool TopologySubscriber::produce(TopologySubscription& subscription, lippycat::management::TopologyUpdate& message) {
  const auto update = topology_.next(subscription);
  if (update) message = wire::to_proto(*update, teller_);
  return update.has_value();
}

bool TopologySubscriber::has_next(const TopologySubscription& subscription) const {
  return topology_.has_next(subscription);
}

void TopologySubscriber::leave(const std::shared_ptr<TopologySubscription>& subscription) {
  topology_.unsubscribe(subscription);
}

}  // namespace lc::processor
