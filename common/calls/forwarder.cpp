#include "common/calls/forwarder.h"

#include <algorithm>
#include <functional>

#include "common/packet/tunnel.h"
#include "common/sip/rtp.h"

namespace lc::calls {
namespace {

constexpr int kMaxDepth = 4;
constexpr std::uint8_t kUdp = 17;

/// Bytes of the frame up to the end of the RTP header of the datagram in it; 0: it can't be told.
std::uint32_t rtp_header_end(const packet::PacketView& frame, std::span<const std::uint8_t> payload) {
  const std::uint8_t* const end = frame.data + frame.captured;
  if (payload.empty() || std::less<>()(payload.data(), frame.data) || std::less<>()(end, payload.data())) return 0;
  sip::Rtp rtp;
  const auto begin = static_cast<std::uint32_t>(payload.data() - frame.data);
  if (sip::parse_rtp(payload, rtp)) return begin + static_cast<std::uint32_t>(rtp.header_size);
  return sip::is_rtcp(payload) ? FrameStore::kAll : begin;
}

packet::IpPacket innermost(const packet::PacketView& frame, std::uint32_t link_type) {
  packet::Decoded decoded = packet::decode(link_type, {frame.data, frame.captured});
  for (int depth = 0; depth < kMaxDepth; ++depth) {
    packet::Decoded inner;
    if (decoded.ip.version == 0 || !packet::decode_inner(decoded.ip, inner)) break;
    decoded = inner;
  }
  return decoded.ip;
}

std::uint32_t rtp_header_end(const packet::PacketView& frame, std::uint32_t link_type) {
  const packet::IpPacket udp = innermost(frame, link_type);
  return udp.protocol == kUdp && !udp.is_fragment() ? rtp_header_end(frame, udp.payload) : 0;
}

}  // namespace

void Forwarder::begin(FrameId looked_at) {
  looked_at_ = looked_at;
  looking_ = true;
  wanted_.clear();
  keep_ = 0;
}

void Forwarder::forward(FrameId frame, const Want& want, std::uint32_t keep) {
  if (!looking_ || frame != looked_at_) {
    frames_.forward(frame, want.encoded, *outlet_, keep);
    return;
  }
  wanted_.add(want);
  keep_ = std::max(keep_, keep);
}

void Forwarder::want(FrameId frame, const Want& want) {
  forward(frame, want, FrameStore::kAll);
}

void Forwarder::want_media(FrameId frame, const Want& want, const packet::IpPacket& datagram) {
  if (want.media == MediaExtent::kFull) {
    forward(frame, want, FrameStore::kAll);
  } else if (want.media == MediaExtent::kHeaders) {
    // A datagram in fragments has its voice in several frames: none of them is forwarded then.
    const std::uint32_t keep = rtp_header_end(frames_.view(frame), datagram.payload);
    if (keep != 0) forward(frame, want, keep);
  }
}

void Forwarder::want_media(FrameId frame, const Want& want) {
  if (want.media == MediaExtent::kFull) {
    forward(frame, want, FrameStore::kAll);
  } else if (want.media == MediaExtent::kHeaders) {
    const std::uint32_t keep = rtp_header_end(frames_.view(frame), frames_.origin(frame).link_type);
    if (keep != 0) forward(frame, want, keep);
  }
}

void Forwarder::conclude(const Want& direct, std::uint32_t link_type) {
  looking_ = false;
  const std::uint32_t direct_keep = direct.any() ? keep_of(direct, link_type) : 0;
  if (wanted_.any()) {
    if (direct_keep != 0) wanted_.add(direct);
    frames_.forward(looked_at_, wanted_.encoded, *outlet_, std::max(keep_, direct_keep));
  } else if (direct_keep != 0) {
    frames_.forward_alone(looked_at_, direct.encoded, *outlet_, direct_keep);
  }
}

/// Of a frame that is wanted for its addresses or as BPF says: 0, nothing of it.
std::uint32_t Forwarder::keep_of(const Want& direct, std::uint32_t link_type) const {
  if (direct.media == MediaExtent::kFull) return FrameStore::kAll;
  const packet::PacketView& frame = frames_.view(looked_at_);
  const packet::IpPacket udp = innermost(frame, link_type);
  if (udp.protocol != kUdp) return FrameStore::kAll;
  if (udp.is_fragment()) return 0;  // perhaps with voice in it
  sip::Rtp rtp;
  if (!sip::parse_rtp(udp.payload, rtp) && !sip::is_rtcp(udp.payload)) return FrameStore::kAll;
  return direct.media == MediaExtent::kHeaders ? rtp_header_end(frame, udp.payload) : 0;
}

}  // namespace lc::calls
