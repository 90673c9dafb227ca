#include "common/capture/filter_inbox.h"

#include <pthread.h>

#include <utility>

namespace lc::capture {

FilterInbox::FilterInbox(Events events) : events_(std::move(events)) {}

FilterInbox::~FilterInbox() {
  stop();
}

void FilterInbox::start() {
  thread_ = std::jthread([this] {
    ::pthread_setname_np(::pthread_self(), "filters");
    run();
  });
}

void FilterInbox::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void FilterInbox::apply(const fleet::FilterUpdate& update) {
  {
    const std::lock_guard lock(mutex_);
    view_.apply(update);
  }
  changed_.notify_all();
}

void FilterInbox::reset(const std::vector<fleet::Filter>& filters) {
  std::unique_lock lock(mutex_);
  view_.reset(filters);
  changed_.wait(lock, [this] { return !working_; });
}

void FilterInbox::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stop_ || view_.has_changes(); });
    if (stop_) return;
    FilterView::Changes changes = view_.take();
    working_ = true;
    lock.unlock();
    if (changes.any_endpoints()) {
      events_.endpoints_changed(std::move(changes.endpoints_added), std::move(changes.endpoints_removed),
                                changes.endpoints_replaced);
    }
    if (changes.filters) events_.filters_changed(std::move(*changes.filters), changes.revision);
    lock.lock();
    working_ = false;
    changed_.notify_all();
  }
}

}  // namespace lc::capture
