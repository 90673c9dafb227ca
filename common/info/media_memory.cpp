#include "common/info/media_memory.h"

#include "common/sip/sdp.h"

namespace lc::info {

void MediaMemory::learn(std::string_view content_type, std::string_view body) {
  sip::Sdp sdp;
  if (body.empty() || !sip::parse_sdp(content_type, body, sdp)) return;
  for (const sip::Media& media : sdp.all()) {
    const bool has_address = media.address.family() != packet::IpAddress::Family::kNone && media.port != 0;
    if (!has_address || media.protocol.find("RTP/") == std::string_view::npos) continue;  // fax over UDPTL is none
    announced_[place_of(media.address, media.port)] = {media.address, media.port};
  }
}

bool MediaMemory::is_rtp(const packet::IpPacket& udp, const sip::Rtp& rtp) {
  constexpr std::uint16_t kNear = 100;
  const std::uint64_t ports = std::uint64_t{udp.source_port} << 16 | udp.destination_port;
  Stream& stream = streams_[hash_(udp.source, udp.destination, ports << 32 | rtp.ssrc) % kPlaces];
  const Stream now{udp.source, udp.destination, udp.source_port, udp.destination_port, rtp.ssrc, rtp.sequence};
  const auto ahead = static_cast<std::uint16_t>(rtp.sequence - stream.sequence);
  const bool goes_on = stream.ssrc == now.ssrc && stream.source == now.source &&
                       stream.destination == now.destination && stream.source_port == now.source_port &&
                       stream.destination_port == now.destination_port &&
                       (ahead < kNear || ahead > static_cast<std::uint16_t>(-kNear));
  stream = now;
  return goes_on || is_announced(udp.source, udp.source_port) || is_announced(udp.destination, udp.destination_port);
}

std::size_t MediaMemory::place_of(const packet::IpAddress& address, std::uint16_t port) const {
  return hash_(address, {}, port) % kPlaces;
}

bool MediaMemory::is_announced(const packet::IpAddress& address, std::uint16_t port) const {
  return announced_[place_of(address, port)] == Announced{address, port};
}

}  // namespace lc::info
