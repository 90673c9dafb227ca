#include "processord/service/topology_subscriber.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/wire/figures_messages.h"

namespace lc::processor {
namespace {

constexpr std::chrono::milliseconds kShortestInterval{200};

}  // namespace

TopologySubscriber* TopologySubscriber::start(Topology& topology, FiguresBoard& figures, wire::Teller teller,
                                              const lippycat::management::TopologySubscribeRequest& request) {
  const auto subscriber = std::make_shared<TopologySubscriber>(topology, figures, std::move(teller));
  auto subscription = topology.subscribe(
      {.below = request.include_downstream(), .ready = subscriber->on_ready(), .closed = subscriber->on_closed()});
  if (subscription && request.figures_interval_ms() > 0) {
    subscriber->wanted_figures_ = figures.subscribe(
        {.below = request.include_downstream(),
         .interval = std::max(std::chrono::milliseconds(request.figures_interval_ms()), kShortestInterval),
         .ready = subscriber->on_ready()});
  }
  subscriber->begin(std::move(subscription));
  return subscriber.get();
}

bool TopologySubscriber::produce(TopologySubscription& subscription, lippycat::management::TopologyUpdate& message) {
  if (const auto update = topology_.next(subscription)) {
    message = wire::to_proto(*update, teller_);
    return true;
  }
  const FiguresPointer figures = wanted_figures_ ? figures_.next(*wanted_figures_) : nullptr;
  if (figures) message = wire::to_proto(*figures, teller_);
  return figures != nullptr;
}

bool TopologySubscriber::has_next(const TopologySubscription& subscription) const {
  return topology_.has_next(subscription) || (wanted_figures_ && figures_.has_next(*wanted_figures_));
}

void TopologySubscriber::leave(const std::shared_ptr<TopologySubscription>& subscription) {
  topology_.unsubscribe(subscription);
  if (wanted_figures_) figures_.unsubscribe(wanted_figures_);
}

}  // namespace lc::processor
