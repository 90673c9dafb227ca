#include "processord/service/filter_subscriber.h"

#include "common/wire/convert.h"
#include "common/wire/status.h"

namespace lc::processor {

FilterSubscriber* FilterSubscriber::start(Engine& engine, const lippycat::management::FilterRequest& request) {
  auto subscriber = std::make_shared<FilterSubscriber>(engine);
  subscriber->self_ = subscriber;
  const std::weak_ptr<FilterSubscriber> weak = subscriber;
  Result<std::shared_ptr<FilterSubscription>> subscription = engine.open_filters(
      request.hunter_id(),
      [weak] {
        if (const auto alive = weak.lock()) alive->settle();
      },
      [weak](const Error& reason) {
        if (const auto alive = weak.lock()) alive->close(wire::to_grpc(reason));
      });
  if (subscription) {
    subscriber->subscription_ = std::move(*subscription);
    subscriber->StartSendInitialMetadata();  // a hunter without filters may know that it stands
    subscriber->busy_ = false;
    subscriber->settle();
  } else {
    subscriber->Finish(wire::to_grpc(subscription.error()));
  }
  return subscriber.get();
}

void FilterSubscriber::settle() {
  while (!busy_.exchange(true)) {
    if (closing_) {
      Finish(close_status_);
      return;  // and the token stays taken
    }
    if (const auto update = engine_.filters().board().next(*subscription_)) {
      outgoing_ = wire::to_proto(*update);
      StartWrite(&outgoing_);
      return;
    }
    busy_ = false;
    if (!closing_ && !engine_.filters().board().has_next(*subscription_)) return;
  }
}

void FilterSubscriber::close(const grpc::Status& status) {
  if (close_claimed_.exchange(true)) return;
  close_status_ = status;
  closing_ = true;
  settle();
}

void FilterSubscriber::OnWriteDone(bool ok) {
  if (ok) engine_.filters_written(*subscription_);
  busy_ = false;
  if (ok) {
    settle();
  } else {
    close({grpc::StatusCode::CANCELLED, "the hunter is gone"});
  }
}

void FilterSubscriber::OnCancel() {
  close({grpc::StatusCode::CANCELLED, "the subscription was cancelled"});
}

void FilterSubscriber::OnDone() {
  const auto keep = std::move(self_);
  if (subscription_) engine_.close_filters(subscription_);
}

}  // namespace lc::processor
