// What a batch may carry and nobody here reads, as far as is needed to tell whether protobuf's parser would take it.
// Without that check a batch that no other program can read would be stored, acknowledged and handed to consoles.
#pragma once

#include "common/packet/wire_format.h"

namespace lc::packet::wire_format {

/// The fields of lippycat.data.CapturedPacket that are text or messages, down to the last submessage.
extern const Shape kCapturedPacket;

}  // namespace lc::packet::wire_format
