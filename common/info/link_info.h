#pragma once

#include <cstdint>
#include <span>

#include "common/info/packet_info.h"
#include "common/packet/decode.h"

namespace lc::info {

/// Of a frame in which decode() found no IP header: what the link carries instead, ARP (RFC 826) in words.
void describe_link(std::uint32_t link_type, std::span<const std::uint8_t> frame, const packet::Decoded& decoded,
                   PacketInfo& info);

}  // namespace lc::info
