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

/// What a fragment carries of its datagram.
struct FragmentPart {
  std::span<const std::uint8_t> bytes;
  std::size_t sent = 0;          // bytes.size(), or more where the capture cut the fragment short; 0: nothing is known
  std::uint8_t next_header = 0;  // protocol of the bytes at fragment_offset 0
};

/// `fragment` must be as decode() gave it, with its frame still there: the headers in front of the payload are read
/// once more, for a first fragment's transport header belongs to the datagram as much as its payload. Any thread.
FragmentPart fragment_part(const IpPacket& fragment);

/// Reads the headers behind IP's, and IPv6's extension headers first, from the begin of `bytes`, of which `sent` were
/// sent. `ip` must have its version, addresses and protocol (the first header's) and be fresh besides; its offsets
/// count from the begin of `bytes`. Any thread.
DecodeEnd decode_transport(std::span<const std::uint8_t> bytes, std::size_t sent, IpPacket& ip);

}  // namespace lc::packet
