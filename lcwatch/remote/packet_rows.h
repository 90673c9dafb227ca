// Packets as a console lists them, from the batches that a processor sends.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "common/packet/batch.h"
#include "lcwatch/model/update.h"

namespace lc::watch {

/// The packet of this position in the batch. Its metadata is the processor's, or the hunter's where that has sent some.
PacketRow packet_row(const packet::Batch& batch, std::size_t position, std::uint64_t number);

}  // namespace lc::watch
