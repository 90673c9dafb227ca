// The server's end of one SubscribeFilters call.
#pragma once

#include "lippycat/management.pb.h"
#include "processord/engine/engine.h"
#include "processord/service/server_stream.h"

namespace lc::processor {

/// Writes what the hunter has to be told, one update at a time.
class FilterSubscriber final : public ServerStream<lippycat::management::FilterUpdate, FilterSubscription> {
 public:
  static FilterSubscriber* start(Engine& engine, const lippycat::management::FilterRequest& request);

  explicit FilterSubscriber(Engine& engine) : engine_(engine) {}

 private:
  bool produce(FilterSubscription& subscription, lippycat::management::FilterUpdate& message) override;
  [[nodiscard]] bool has_next(const FilterSubscription& subscription) const override;
  void written(FilterSubscription& subscription) override;
  void leave(const std::shared_ptr<FilterSubscription>& subscription) override;

  Engine& engine_;
};

}  // namespace lc::processor
