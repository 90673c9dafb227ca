// The tree of processors as messages, and back.
#pragma once

#include <cstddef>
#include <string>

#include "common/base/result.h"
#include "common/fleet/processor_tree.h"
#include "lippycat/management.pb.h"

namespace lc::wire {

/// Who tells of a tree, its own top.
struct Teller {
  std::string id;
  std::size_t depth = 0;  // levels above it
};

lippycat::management::ConnectedHunter to_proto(const fleet::ConnectedHunter& hunter);
/// `depth`: of its top.
lippycat::management::ProcessorNode to_proto(const fleet::ProcessorTree& tree, std::size_t depth);
lippycat::management::TopologyUpdate to_proto(const fleet::TopologyUpdate& update, const Teller& teller);

// What a hunter's registration says of its epoch, features and capture filter is not in these messages. What they say
// is not checked further: fleet::apply_change() does that.
fleet::ConnectedHunter from_proto(const lippycat::management::ConnectedHunter& message);
fleet::ProcessorTree from_proto(const lippycat::management::ProcessorNode& message);
/// kInvalidArgument: there is no event in it that is known here.
Result<fleet::TopologyUpdate> from_proto(const lippycat::management::TopologyUpdate& message);

}  // namespace lc::wire
