#pragma once

#include "common/info/packet_info.h"
#include "lippycat/data.pb.h"

namespace lc::processor {

/// As the protocol has it. What would need more than the packet is left unset: details, email, and of DNS the scores
/// and what correlates a response with its query.
lippycat::data::PacketMetadata packet_metadata(const info::PacketInfo& info);

}  // namespace lc::processor
