// Where media is sent to or comes from.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <string>

#include "common/base/result.h"
#include "common/packet/ip_address.h"
#include "common/sip/sdp.h"

namespace lc::calls {

/// An address with a UDP port. An IPv4 address mapped into IPv6 must have been unwrapped.
struct Endpoint {
  packet::IpAddress address;
  std::uint16_t port = 0;

  bool operator==(const Endpoint&) const = default;

  template <typename H>
  friend H AbslHashValue(H state, const Endpoint& endpoint) {
    const auto bytes = endpoint.address.bytes();
    return H::combine(H::combine_contiguous(std::move(state), bytes.data(), bytes.size()), endpoint.port);
  }
};

/// Addresses of signalling and media must compare equal, whichever way a dual-stack host writes them: an IPv4 address
/// that is mapped into IPv6 is taken out.
packet::IpAddress unmapped(const packet::IpAddress& address);
void unmap(sip::Sdp& sdp);

/// `192.0.2.1:4000` or `[2001:db8::1]:4000`, as in FILTER_MEDIA_ENDPOINT.
std::string text_of(const Endpoint& endpoint);
/// kInvalidArgument for anything else.
Result<Endpoint> parse_endpoint(std::string_view text);

/// For tables that are asked twice for each datagram: cheaper than Abseil's own hash.
struct EndpointHash {
  std::size_t operator()(const Endpoint& endpoint) const {
    constexpr std::uint64_t kFactor = 0x9e37'79b9'7f4a'7c15;  // 2^64 divided by the golden ratio
    std::uint64_t words[2] = {};
    const auto bytes = endpoint.address.bytes();
    std::memcpy(words, bytes.data(), bytes.size());
    std::uint64_t hash = (words[0] ^ kSeed) * kFactor;
    hash = (hash ^ (hash >> 32) ^ words[1] ^ (std::uint64_t{endpoint.port} << 24)) * kFactor;
    return static_cast<std::size_t>(hash ^ (hash >> 29));
  }
  /// Differs from start to start, as addresses come from strangers.
  static const std::uint64_t kSeed;
};

/// Of a stream between two of them, for tables of a fixed size.
inline std::size_t stream_hash(const Endpoint& from, const Endpoint& to) {
  return EndpointHash()(from) * 31 + EndpointHash()(to);
}

}  // namespace lc::calls
