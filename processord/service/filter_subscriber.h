// The server's end of one SubscribeFilters call.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <memory>

#include "lippycat/management.pb.h"
#include "processord/engine/engine.h"

namespace lc::processor {

/// Writes what the hunter has to be told, one update at a time. Keeps itself alive until OnDone.
class FilterSubscriber final : public grpc::ServerWriteReactor<lippycat::management::FilterUpdate>,
                               public std::enable_shared_from_this<FilterSubscriber> {
 public:
  static FilterSubscriber* start(Engine& engine, const lippycat::management::FilterRequest& request);

  explicit FilterSubscriber(Engine& engine) : engine_(engine) {}

 private:
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  void close(const grpc::Status& status);
  void settle();

  Engine& engine_;
  std::shared_ptr<FilterSubscription> subscription_;
  lippycat::management::FilterUpdate outgoing_;
  std::atomic<bool> busy_{true};  // until the subscription stands
  std::atomic<bool> closing_{false};
  std::atomic<bool> close_claimed_{false};
  grpc::Status close_status_;  // written by who claimed it, before closing_
  std::shared_ptr<FilterSubscriber> self_;
};

}  // namespace lc::processor
