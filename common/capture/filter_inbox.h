// Where a processor's filter updates wait for being put in force, on a thread of their own: compiling thousands of
// filters must hold up neither gRPC's threads nor heartbeats.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/capture/filter_view.h"

namespace lc::capture {

/// Any thread.
class FilterInbox {
 public:
  /// Called on the thread "filters" only, the endpoints first; updates that wait come together.
  struct Events {
    std::function<void(std::vector<fleet::Filter> filters, std::uint64_t revision)> filters_changed;
    /// `replaced_all`: none but `added` is left; `removed` is empty then.
    std::function<void(std::vector<fleet::Filter> added, std::vector<std::string> removed, bool replaced_all)>
        endpoints_changed;
  };

  explicit FilterInbox(Events events);
  ~FilterInbox();

  void start();
  void stop();

  void apply(const fleet::FilterUpdate& update);
  /// A registration answered with these filters: changes of filters that wait are void. Returns when filters_changed
  /// does not run any more, so that the caller may put these in force by itself; not from within an event.
  void reset(const std::vector<fleet::Filter>& filters);

 private:
  void run();

  const Events events_;
  std::mutex mutex_;
  std::condition_variable changed_;
  FilterView view_;
  bool working_ = false;  // an event runs
  bool stop_ = false;
  std::jthread thread_;
};

}  // namespace lc::capture
