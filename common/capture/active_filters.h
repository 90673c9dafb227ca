// The filters that a node's capture has in force: in the selector and, where they allow it, in the kernel.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "common/base/result.h"
#include "common/calls/selector.h"
#include "common/capture/capture_pipeline.h"

namespace lc::capture {

/// Any thread.
class ActiveFilters {
 public:
  /// `own`: the node's own filter (libpcap expression, empty = none), which comes before all others.
  ActiveFilters(std::string own, calls::Selector& selector, CapturePipeline& pipeline)
      : own_(std::move(own)), selector_(selector), pipeline_(pipeline) {}

  /// Puts these in force in place of all others, without a moment between. If one can't be, all stay as they were, and
  /// error() says why. `now_ns`: wall clock.
  Status apply(std::vector<fleet::Filter> filters, std::uint64_t revision, std::int64_t now_ns);
  /// FILTER_MEDIA_ENDPOINT, see Selector::change_endpoints().
  void change_endpoints(std::vector<fleet::Filter> added, std::vector<std::string> removed, bool anew);
  /// Takes out what has expired.
  void expire(std::int64_t now_ns);

  /// Whether apply() would change nothing but the revision.
  [[nodiscard]] bool are(const std::vector<fleet::Filter>& filters) const;
  [[nodiscard]] std::uint32_t count() const;  // enabled ones in force
  [[nodiscard]] std::uint64_t revision() const;
  [[nodiscard]] std::string error() const;

 private:
  Status put_in_force(std::int64_t now_ns);
  void push_down(const std::string& expression);

  const std::string own_;
  calls::Selector& selector_;
  CapturePipeline& pipeline_;
  mutable std::mutex mutex_;
  std::vector<fleet::Filter> filters_;  // as given, disabled ones too
  std::uint64_t revision_ = 0;
  std::uint32_t count_ = 0;
  std::int64_t next_expiry_ns_ = 0;
  std::string expression_;  // of the filters that are in force, for the kernel
  std::string in_kernel_;
  std::unordered_set<std::string> endpoints_;  // ids
  std::string error_;
};

}  // namespace lc::capture
