// Recognises RTP and RTCP (RFC 3550).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace lc::sip {

/// RFC 3550 section 5.1.
struct Rtp {
  std::uint8_t payload_type = 0;
  bool marker = false;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::uint32_t ssrc = 0;
  std::size_t header_size = 0;  // with CSRCs and header extension
};

/// False for what can't be RTP: version, sizes that do not fit, payload types of RTCP (72 to 76). One in several random
/// datagrams passes; whoever has no other reason to expect RTP should ask for more.
bool parse_rtp(std::span<const std::uint8_t> datagram, Rtp& rtp);

/// Of what is known to be RTP; at least 12 bytes.
inline std::uint32_t ssrc_of(std::span<const std::uint8_t> rtp) {
  return std::uint32_t{rtp[8]} << 24 | std::uint32_t{rtp[9]} << 16 | std::uint32_t{rtp[10]} << 8 | rtp[11];
}

/// A (compound) RTCP packet: version 2, a packet type of 192 to 223, a length that fits (RFC 3550 section 6, RFC 5761).
/// What follows a compound's first packet is not looked at: SRTCP encrypts it.
bool is_rtcp(std::span<const std::uint8_t> datagram);

}  // namespace lc::sip
