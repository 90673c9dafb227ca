// decode()'s part from the IP header on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "common/packet/decode.h"

namespace lc::packet {

/// The IP packet that begins at `offset` of the frame, which may be behind its end. `ip` must be fresh; its offsets
/// count from the begin of `frame`. Any thread.
DecodeEnd decode_ipv4(std::span<const std::uint8_t> frame, std::size_t offset, IpPacket& ip);
DecodeEnd decode_ipv6(std::span<const std::uint8_t> frame, std::size_t offset, IpPacket& ip);

}  // namespace lc::packet
