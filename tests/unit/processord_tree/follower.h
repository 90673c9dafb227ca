// A subscriber's end: what it makes of the updates.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "processord/tree/topology.h"

namespace lc::test {

/// Reads when it is told to, and keeps a tree by nothing but what it reads.
class Follower {
 public:
  explicit Follower(processor::Topology& topology, bool below = true) : topology_(topology) {
    auto made = topology_.subscribe({.below = below,
                                     .ready = [this] { ++told; },
                                     .closed = [this](const Error& reason) { closed.push_back(reason); }});
    if (!made) throw std::runtime_error(made.error().text);
    subscription_ = std::move(*made);
  }
  ~Follower() { topology_.unsubscribe(subscription_); }
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;

  /// False: there is nothing.
  bool read_one() {
    const auto update = topology_.next(*subscription_);
    if (!update) return false;
    ++updates;
    if (update->snapshot) {
      ++snapshots;
      if (update->revision < revision) throw std::runtime_error("a snapshot of the past");
      tree = update->snapshot;
    } else {
      if (!tree) throw std::runtime_error("a change before any snapshot");
      if (update->revision != revision + 1) throw std::runtime_error("a gap in the numbers");
      auto changed = fleet::apply_change(tree, *update->change);
      if (!changed) throw std::runtime_error(changed.error().text);
      tree = *changed;
      last = update->change;
      if (seen) seen(*update->change);
    }
    revision = update->revision;
    return true;
  }
  void read_all() {
    while (read_one()) {
    }
  }
  [[nodiscard]] bool has_next() const { return topology_.has_next(*subscription_); }

  fleet::ProcessorTree tree;
  fleet::TreeChangePointer last;
  std::function<void(const fleet::TreeChange&)> seen;
  std::uint64_t revision = 0;
  int updates = 0;
  int snapshots = 0;
  int told = 0;
  std::vector<Error> closed;

 private:
  processor::Topology& topology_;
  std::shared_ptr<processor::TopologySubscription> subscription_;
};

}  // namespace lc::test
