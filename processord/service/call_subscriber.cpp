#include "processord/service/call_subscriber.h"

#include "common/info/packet_info.h"
#include "common/wire/call_messages.h"
#include "processord/service/subscribe_request.h"

namespace lc::processor {
namespace {

namespace data = lippycat::data;

data::CallUpdateType type_of(CallUpdate::Kind kind) {
  switch (kind) {
    case CallUpdate::Kind::kCall:
      return data::CALL_UPDATED;
    case CallUpdate::Kind::kRemoved:
      return data::CALL_REMOVED;
    case CallUpdate::Kind::kSnapshotBegin:
      return data::CALL_SNAPSHOT_BEGIN;
    case CallUpdate::Kind::kSnapshotEnd:
      return data::CALL_SNAPSHOT_END;
  }
  return data::CALL_UPDATED;
}

data::CorrelatedCallUpdate to_proto(const CallUpdate& update, bool with_messages) {
  data::CorrelatedCallUpdate message;
  if (update.call) {
    message = wire::to_proto(*update.call, with_messages);
  } else {
    message.set_correlation_id(info::field_text(update.id));
  }
  message.set_update_type(type_of(update.kind));
  message.set_revision(update.revision);
  return message;
}

}  // namespace

CallSubscriber* CallSubscriber::start(CallBoard& board, const lippycat::data::SubscribeRequest& request) {
  const auto subscriber = std::make_shared<CallSubscriber>(board, request.with_removals(), request.with_messages());
  subscriber->begin(board.subscribe({.hunters = selection_of(request),
                                     .calls = {request.call_ids().begin(), request.call_ids().end()},
                                     .messages = request.with_messages(),
                                     .ready = subscriber->on_ready(),
                                     .closed = subscriber->on_closed()}));
  return subscriber.get();
}

bool CallSubscriber::produce(CallSubscription& subscription, lippycat::data::CorrelatedCallUpdate& message) {
  while (const auto update = board_.next(subscription)) {
    if (!update->call && !with_removals_) continue;
    message = to_proto(*update, with_messages_);
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
