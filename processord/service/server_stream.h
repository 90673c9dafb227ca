// The server's end of a call that only sends what its subscription has.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <functional>
#include <memory>
#include <utility>

#include "common/wire/status.h"

namespace lc::processor {

/// Writes one message at a time, as fast as the peer reads and no faster. As in wire::ClientStream, `busy_` is the
/// token for the write side. Keeps itself alive until OnDone.
template <typename Message, typename Subscription>
class ServerStream : public grpc::ServerWriteReactor<Message>,
                     public std::enable_shared_from_this<ServerStream<Message, Subscription>> {
 protected:
  /// Serves a subscription that tells on_ready() and on_closed(), or ends the call with the error. Once, before gRPC
  /// has this object.
  void begin(Result<std::shared_ptr<Subscription>> subscription) {
    self_ = this->shared_from_this();
    if (!subscription) {
      this->Finish(wire::to_grpc(subscription.error()));
      return;  // and the token stays taken
    }
    subscription_ = std::move(*subscription);
    this->StartSendInitialMetadata();  // the peer may know that it stands, also when there is nothing to send
    busy_ = false;
    settle();
  }

  // To be given to the subscription; any thread, also when this object is gone.
  [[nodiscard]] std::function<void()> on_ready() {
    return [weak = this->weak_from_this()] {
      if (const auto alive = weak.lock()) alive->settle();
    };
  }
  [[nodiscard]] std::function<void(const Error&)> on_closed() {
    return [weak = this->weak_from_this()](const Error& reason) {
      if (const auto alive = weak.lock()) alive->close(wire::to_grpc(reason));
    };
  }

  /// The next message, if there is one; the message before is still in `message`. One thread at a time.
  virtual bool produce(Subscription& subscription, Message& message) = 0;
  [[nodiscard]] virtual bool has_next(const Subscription& subscription) const = 0;
  /// What produce() gave last is written.
  virtual void written(Subscription&) {}
  /// The call is over.
  virtual void leave(const std::shared_ptr<Subscription>& subscription) = 0;

 private:
  void settle() {
    while (!busy_.exchange(true)) {
      if (closing_) {
        this->Finish(close_status_);
        return;  // and the token stays taken
      }
      if (produce(*subscription_, outgoing_)) {
        this->StartWrite(&outgoing_);
        return;
      }
      busy_ = false;
      // Somebody may have come by while we held the token.
      if (!closing_ && !has_next(*subscription_)) return;
    }
  }

  void close(const grpc::Status& status) {
    if (!close_claimed_.exchange(true)) {
      close_status_ = status;
      closing_ = true;
    }
    settle();  // also the second time: a write that was out when the first one came has failed since
  }

  void OnWriteDone(bool ok) final {
    if (ok) written(*subscription_);
    busy_ = false;
    if (ok) {
      settle();
    } else {
      close({grpc::StatusCode::CANCELLED, "the subscriber is gone"});
    }
  }
  void OnCancel() final { close({grpc::StatusCode::CANCELLED, "the subscription was cancelled"}); }
  void OnDone() final {
    const auto keep = std::move(self_);
    if (subscription_) leave(subscription_);
  }

  std::shared_ptr<Subscription> subscription_;
  Message outgoing_;
  std::atomic<bool> busy_{true};  // until the subscription stands
  std::atomic<bool> closing_{false};
  std::atomic<bool> close_claimed_{false};
  grpc::Status close_status_;  // written by who claimed it, before closing_
  std::shared_ptr<ServerStream> self_;
};

}  // namespace lc::processor
