#include "processord/service/filter_subscriber.h"

#include "common/wire/convert.h"

namespace lc::processor {

FilterSubscriber* FilterSubscriber::start(Engine& engine, const lippycat::management::FilterRequest& request) {
  const auto subscriber = std::make_shared<FilterSubscriber>(engine);
  subscriber->begin(engine.open_filters(request.hunter_id(), subscriber->on_ready(), subscriber->on_closed()));
  return subscriber.get();
}

bool FilterSubscriber::produce(FilterSubscription& subscription, lippycat::management::FilterUpdate& message) {
  const auto update = engine_.filters().board().next(subscription);
  if (update) message = wire::to_proto(*update);
  return update.has_value();
}

bool FilterSubscriber::has_next(const FilterSubscription& subscription) const {
  return engine_.filters().board().has_next(subscription);
}

void FilterSubscriber::written(FilterSubscription& subscription) {
  engine_.filters_written(subscription);
}

void FilterSubscriber::leave(const std::shared_ptr<FilterSubscription>& subscription) {
  engine_.close_filters(subscription);
}

}  // namespace lc::processor
