#include "common/calls/dissector.h"

#include "common/packet/tunnel.h"

namespace lc::calls {
namespace {

constexpr int kMaxDepth = 4;  // tunnels in tunnels
constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kSctpProtocol = 132;

}  // namespace

Dissector::Dissector(std::vector<packet::StreamProtocol> protocols, FrameStore& frames, Handler& handler)
    : frames_(frames),
      handler_(handler),
      reassembler_({}, [this](const packet::Reassembler::Datagram& datagram) { given_up(datagram); }),
      streams_(std::move(protocols), {}, *this),
      sctp_([this](std::span<const std::uint8_t> bytes,
                   std::span<const FrameId> carriers) { handler_.message(kSctp, sctp_ends_, bytes, carriers); },
            [this](FrameId frame) { frames_.hold(frame); }, [this](FrameId frame) { frames_.release(frame); }) {}

void Dissector::add(FrameId frame, std::uint32_t link_type, std::int64_t now_ns) {
  now_ns_ = now_ns;
  const packet::PacketView& view = frames_.view(frame);
  const packet::Decoded decoded = packet::decode(link_type, {view.data, view.captured});
  if (decoded.ip.version != 0) walk(decoded.ip, frame, 0, false);
}

void Dissector::walk(const packet::IpPacket& ip, FrameId frame, int depth, bool joined) {
  handler_.header(ip, frame, joined);
  if (ip.is_fragment()) {
    frames_.hold(frame);
    const packet::Reassembler::Datagram* const datagram =
        reassembler_.add(ip, frame, now_ns_, frames_.origin(frame).interface);
    if (datagram == nullptr) return;
    walk_whole(*datagram, frame, depth);
    return;
  }
  packet::Decoded inner;
  if (depth < kMaxDepth && packet::decode_inner(ip, inner) && inner.ip.version != 0) {
    walk(inner.ip, frame, depth + 1, joined);
    return;
  }
  if (ip.protocol == kSctpProtocol && ip.has_transport) {
    sctp_ends_ = {ip.source, ip.destination, ip.source_port, ip.destination_port};
    sctp_.add(ip, frame, now_ns_);
    return;
  }
  if (ip.protocol != kTcp) {
    handler_.datagram(ip, frame);
    return;
  }
  if (!ip.has_transport) return;
  // Held before, as the streams may name it within add(). What they release there they do not keep.
  adding_ = frame;
  frames_.hold(frame);
  const bool kept = streams_.add(ip, frame, now_ns_);
  adding_.reset();
  if (!kept) frames_.release(frame);
  handler_.segment(ip, frame);
}

void Dissector::walk_whole(const packet::Reassembler::Datagram& datagram, FrameId frame, int depth) {
  frames_.bundle(frame, datagram.frames);
  // The datagram is lent until the reassembler is asked again, perhaps for a fragment inside of this one.
  const std::vector<FrameId> fragments(datagram.frames.begin(), datagram.frames.end());
  const std::vector<std::uint8_t> payload(datagram.ip.payload.begin(), datagram.ip.payload.end());
  packet::IpPacket whole = datagram.ip;
  whole.payload = payload;
  if (whole.version != 0 && depth < kMaxDepth) walk(whole, frame, depth + 1, true);
  for (const FrameId fragment : fragments) frames_.release(fragment);
}

// What is there of a datagram decides for all of its fragments.
void Dissector::given_up(const packet::Reassembler::Datagram& datagram) {
  const FrameId last = datagram.frames.back();
  frames_.bundle(last, datagram.frames);
  if (datagram.ip.version != 0 && datagram.ip.protocol != kTcp) handler_.datagram(datagram.ip, last);
  const std::vector<FrameId> fragments(datagram.frames.begin(), datagram.frames.end());
  for (const FrameId fragment : fragments) frames_.release(fragment);
}

void Dissector::expire(std::int64_t now_ns) {
  now_ns_ = now_ns;
  reassembler_.expire(now_ns);
  streams_.expire(now_ns);
  sctp_.expire(now_ns);
}

std::uint32_t Dissector::message(std::size_t protocol, const packet::StreamEnds& ends,
                                 std::span<const std::uint8_t> bytes, std::span<const FrameId> frames) {
  return handler_.message(protocol, ends, bytes, frames);
}

void Dissector::repeated(FrameId frame, std::uint32_t answer) {
  handler_.repeated(frame, answer);
}

void Dissector::released(FrameId frame) {
  if (frame != adding_) frames_.release(frame);
}

}  // namespace lc::calls
