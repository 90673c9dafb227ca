// Figures of nodes as messages, and back.
#pragma once

#include <cstddef>
#include <optional>

#include "common/fleet/figures.h"
#include "common/wire/topology_messages.h"
#include "lippycat/management.pb.h"

namespace lc::wire {

inline constexpr std::size_t kMostFiguresBytes = std::size_t{8} << 20;

/// What the processor says of itself beside figures (id, status, its hunters by status, upstream) is left out.
lippycat::management::ProcessorStats to_proto(const fleet::ProcessorStats& stats);
fleet::ProcessorStats from_proto(const lippycat::management::ProcessorStats& message);

lippycat::management::HunterFigures to_proto(const fleet::HunterFigures& figures);
fleet::HunterFigures from_proto(const lippycat::management::HunterFigures& message);

/// Hunters that would make it larger than kMostFiguresBytes are left out.
lippycat::management::NodeFigures to_proto(const fleet::NodeFigures& figures);
fleet::NodeFigures from_proto(const lippycat::management::NodeFigures& message);

/// TOPOLOGY_FIGURES.
lippycat::management::TopologyUpdate to_proto(const fleet::FiguresAt& figures, const Teller& teller);
/// Nothing: the update is another one.
std::optional<fleet::FiguresAt> figures_in(const lippycat::management::TopologyUpdate& message);

}  // namespace lc::wire
