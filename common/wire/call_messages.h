// Calls as messages, and back.
#pragma once

#include "common/fleet/call.h"
#include "lippycat/data.pb.h"

namespace lc::wire {

/// Update type and revision are not set. Every text is UTF-8 without control characters, and bounded, whatever was in
/// the packets. Without `with_messages` the call's messages are left out.
lippycat::data::CorrelatedCallUpdate to_proto(const fleet::Call& call, bool with_messages);
fleet::Call from_proto(const lippycat::data::CorrelatedCallUpdate& message);

}  // namespace lc::wire
