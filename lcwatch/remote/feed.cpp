#include "lcwatch/remote/feed.h"

#include <random>
#include <utility>

#include "common/wire/status.h"

namespace lc::watch {
namespace {

using namespace std::chrono_literals;

// A call that is taken and broken off at once, over and over, is retried as one that is refused.
constexpr auto kWorked = 1s;

}  // namespace

Feed::Feed(Worker& worker, Connection& connection, Subscription subscription)
    : worker_(worker),
      connection_(connection),
      subscription_(std::move(subscription)),
      backoff_(std::random_device{}()) {}

void Feed::want(bool wanted) {
  if (wanted_ == wanted) return;
  wanted_ = wanted;
  ++attempt_;
  again_ = wanted && reading_;
  if (reading_) {
    reading_->cancel();
  } else if (wanted) {
    open();
  } else {
    subscription_.over();
  }
}

void Feed::renew() {
  if (!wanted_) return;
  ++attempt_;
  again_ = reading_ != nullptr;
  if (reading_) {
    reading_->cancel();
  } else {
    open();
  }
}

void Feed::hurry() {
  if (wanted_ && !reading_) renew();
}

void Feed::resume() {
  if (reading_) reading_->resume();
}

void Feed::open() {
  ++attempt_;
  const Result<std::shared_ptr<grpc::Channel>> channel = connection_.begin_call();
  if (!channel) return wait(channel.error());
  reading_ = Reading::open(*channel, subscription_.method, subscription_.request(),
                           {.stands =
                                [this] {
                                  subscription_.stands();
                                  worker_.post([this] {
                                    stands_ = true;
                                    stood_at_ = Clock::now();
                                    if (subscription_.began) subscription_.began();
                                  });
                                },
                            .received = subscription_.received,
                            .room = subscription_.room,
                            .ended =
                                [this](const grpc::Status& status, std::shared_ptr<void> self) {
                                  const Error error = status.ok() ? Error{Code::kUnavailable, "closed by the processor"}
                                                                  : wire::from_grpc(status);
                                  worker_.post([this, error, self = std::move(self)] { ended(error); });
                                }});
}

void Feed::ended(const Error& error) {
  reading_.reset();
  connection_.end_call();
  if (!wanted_) {
    stands_ = false;
    return subscription_.over();
  }
  if (std::exchange(again_, false)) {
    stands_ = false;
    return open();
  }
  if (stands_ && (quick_ || Clock::now() - stood_at_ >= kWorked)) {
    quick_ = Clock::now() - stood_at_ >= kWorked;
    backoff_.connection_worked();
  }
  wait(error);
}

void Feed::wait(const Error& error) {
  const Clock::time_point retry_at = Clock::now() + backoff_.next();
  subscription_.lost(error, std::exchange(stands_, false), retry_at);
  worker_.post_at(retry_at, [this, attempt = attempt_] {
    if (attempt == attempt_ && wanted_ && !reading_) open();
  });
}

}  // namespace lc::watch
