// The short way to what most packets of media are: UDP datagrams behind the plainest headers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "common/calls/endpoint.h"

namespace lc::calls {

struct PlainDatagram {
  Endpoint from, to;
  std::size_t hash = 0;  // stream_hash() of both
  std::span<const std::uint8_t> payload;
};

/// A datagram whose headers stand at fixed places: Ethernet or Linux cooked with one VLAN tag at most, IPv4 without
/// options or IPv6 without extension headers, not in fragments, and on no port of a tunnel; of a payload that was cut
/// what is there. What it gives is what Dissector gives its handler, and that gives nothing else of the frame. False:
/// nothing is said, neither that it is no such datagram; `datagram` has no meaning then. Any bytes are allowed. Any
/// thread.
bool read_plain(std::uint32_t link_type, std::span<const std::uint8_t> frame, PlainDatagram& datagram);

/// The payload alone; empty where read_plain() says nothing.
std::span<const std::uint8_t> payload_of_plain(std::uint32_t link_type, std::span<const std::uint8_t> frame);

}  // namespace lc::calls
