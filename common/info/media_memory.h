// Tells RTP from other datagrams that look like it.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "common/packet/address_hash.h"
#include "common/packet/decode.h"
#include "common/sip/rtp.h"

namespace lc::info {

/// RTP is what goes to or from an address that a session description announced, or what continues a stream: the same
/// ends and SSRC, a sequence number near the last one. So the first packet of a stream that nobody
/// announced is not recognised. Fixed size: newer addresses and streams take the places of older ones. One thread.
class MediaMemory {
 public:
  /// Notes where the session description in this body says that RTP will flow, if there is one.
  void learn(std::string_view content_type, std::string_view body);

  /// Whether this datagram, whose payload parse_rtp() took for RTP, is.
  bool is_rtp(const packet::IpPacket& udp, const sip::Rtp& rtp);

 private:
  struct Announced {
    packet::IpAddress address;
    std::uint16_t port = 0;
    bool operator==(const Announced&) const = default;
  };
  struct Stream {
    packet::IpAddress source, destination;
    std::uint16_t source_port = 0, destination_port = 0;
    std::uint32_t ssrc = 0;
    std::uint16_t sequence = 0;
  };

  static constexpr std::size_t kPlaces = 8192;

  [[nodiscard]] std::size_t place_of(const packet::IpAddress& address, std::uint16_t port) const;
  [[nodiscard]] bool is_announced(const packet::IpAddress& address, std::uint16_t port) const;

  packet::AddressHash hash_;
  std::vector<Announced> announced_ = std::vector<Announced>(kPlaces);
  std::vector<Stream> streams_ = std::vector<Stream>(kPlaces);
};

}  // namespace lc::info
