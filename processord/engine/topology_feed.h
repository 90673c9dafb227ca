// Brings what happens at a processor into its Topology, when it happens.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <utility>

#include "common/base/guarded.h"
#include "processord/engine/filter_store.h"
#include "processord/engine/hunter.h"
#include "processord/tree/topology.h"

namespace lc::processor {

/// The hunter as the tree shows it.
fleet::ConnectedHunter connected(const Hunter::View& view);

/// Any thread. Each call says that something may have changed; what is so now is asked where changes are put in order,
/// so it makes no difference who of two threads comes first.
class TopologyFeed {
 public:
  using StatusFunction = std::function<std::pair<fleet::ProcessorStatus, std::string>()>;

  /// `status` gives that of `self`, and its reason; it must not come back here.
  TopologyFeed(const fleet::Processor& self, std::size_t max_subscribers, StatusFunction status);

  Topology& topology() { return topology_; }
  [[nodiscard]] const Topology& topology() const { return topology_; }

  void set_address(const std::string& address);
  void set_upstream(const std::string& address);
  void status_changed();
  /// `reason`: in case that it is not connected now.
  void hunter_changed(const Hunter& hunter, const std::string& reason);
  void filter_changed(const FilterChange& change);

 private:
  const StatusFunction status_;
  Guarded<fleet::Processor> self_;  // but for its status
  Topology topology_;
};

}  // namespace lc::processor
