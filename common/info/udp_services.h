// Small protocols over UDP and ICMP, a line for each; an empty one: these bytes are something else. Any bytes are
// allowed. The lines are safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "common/packet/decode.h"
#include "common/sip/rtp.h"

namespace lc::info {

std::string dhcp_line(std::span<const std::uint8_t> datagram);  // RFC 2131
std::string ntp_line(std::span<const std::uint8_t> datagram);   // RFC 5905
std::string rtp_line(const sip::Rtp& rtp);
std::string rtcp_line(std::span<const std::uint8_t> datagram);  // of what is_rtcp() took for it

/// `packet` must be ICMP (RFC 792) or ICMPv6 (RFC 4443, 4861) with has_transport.
std::string icmp_line(const packet::IpPacket& packet);

}  // namespace lc::info
