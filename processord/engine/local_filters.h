// The processor's filters on their way to what is captured in this process.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "common/base/one_at_a_time.h"
#include "common/capture/active_filters.h"
#include "common/capture/filter_inbox.h"
#include "processord/engine/engine.h"

namespace lc::processor {

/// What SubscribeFilters is to a hunter elsewhere. The owner's thread; the engine must have stopped before it goes.
class LocalFilters {
 public:
  /// `changed` is called on the thread "filters" when others are in force. The references must outlive it.
  LocalFilters(Engine& engine, std::string hunter_id, capture::ActiveFilters& active, std::function<void()> changed);
  ~LocalFilters();

  /// Once. When it returns the filters are in force that the engine has now, from then on each change.
  void start();

 private:
  void feed();

  Engine& engine_;
  const std::string hunter_id_;
  capture::ActiveFilters& active_;
  capture::FilterInbox inbox_;
  OneAtATime work_;
  std::shared_ptr<FilterSubscription> subscription_;
  std::atomic<bool> subscribed_{false};
};

}  // namespace lc::processor
