#include "processord/service/call_subscriber.h"

#include "processord/service/call_messages.h"
#include "processord/service/subscribe_request.h"

namespace lc::processor {

CallSubscriber* CallSubscriber::start(CallBoard& board, const lippycat::data::SubscribeRequest& request) {
  const auto subscriber = std::make_shared<CallSubscriber>(board, request.with_removals());
  subscriber->begin(board.subscribe(
      {.hunters = selection_of(request), .ready = subscriber->on_ready(), .closed = subscriber->on_closed()}));
  return subscriber.get();
}

bool CallSubscriber::produce(CallSubscription& subscription, lippycat::data::CorrelatedCallUpdate& message) {
  while (const auto update = board_.next(subscription)) {
    if (!update->call && !with_removals_) continue;
    message = to_proto(*update);
    return true;
  }
  return false;
}

bool CallSubscriber::has_next(const CallSubscription& subscription) const {
  return board_.has_next(subscription);
}

void CallSubscriber::leave(const std::shared_ptr<CallSubscription>& subscription) {
  board_.unsubscribe(subscription);
}

}  // namespace lc::processor
