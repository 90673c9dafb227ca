// Calls on the wire.
#pragma once

#include "lippycat/data.pb.h"
#include "processord/engine/call_board.h"

namespace lc::processor {

/// Every text of it is UTF-8 without control characters, and bounded, whatever was in the packets.
lippycat::data::CorrelatedCallUpdate to_proto(const CallUpdate& update);

}  // namespace lc::processor
