// What happens to the hunters of a processor, each told to its Topology as a single event.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/fleet/processor_tree.h"
#include "processord/tree/topology.h"

namespace lc::test {

inline void hunter_connected(processor::Topology& topology, const fleet::ConnectedHunter& hunter, std::int64_t now_ns) {
  topology.hunter_changed(
      hunter.description.id, [&] { return hunter; }, "", now_ns);
}

inline void hunter_disconnected(processor::Topology& topology, const std::string& id, const std::string& reason,
                                std::int64_t now_ns) {
  topology.hunter_changed(
      id, [] { return std::nullopt; }, reason, now_ns);
}

/// Of one that is connected, or there is nothing to tell.
inline void hunter_status_changed(processor::Topology& topology, const std::string& id, fleet::HunterStatus status,
                                  std::int64_t now_ns) {
  const fleet::ProcessorTree tree = topology.snapshot().tree;
  for (const fleet::HunterPointer& before : tree->hunters) {
    if (before->description.id != id) continue;
    fleet::ConnectedHunter now = *before;
    now.status = status;
    hunter_connected(topology, now, now_ns);
  }
}

inline void self_changed(processor::Topology& topology, const fleet::Processor& self, std::int64_t now_ns) {
  topology.self_changed([&] { return self; }, now_ns);
}

}  // namespace lc::test
