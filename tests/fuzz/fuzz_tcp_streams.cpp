// Any segments on a few streams of two toy protocols: every kept frame is let go exactly once and never named after,
// and a message is what its protocol says. A segment is a control byte, its place, and its bytes.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <set>
#include <vector>

#include "common/packet/tcp_streams.h"
#include "tests/fuzz/packet_pieces.h"

namespace {

using lc::packet::FrameId;
using lc::packet::Framing;
using lc::packet::StreamEnds;
using lc::packet::TcpStreams;
using Bytes = std::span<const std::uint8_t>;

void require(bool holds) {
  if (!holds) std::abort();
}

/// 'A', then a size; it skips what is below 32, and is lost otherwise.
bool begins_sized(Bytes bytes) {
  return bytes[0] == 'A';
}
Framing frame_sized(Bytes bytes) {
  if (bytes[0] < 32) return {Framing::Kind::kSkip, bytes[0]};  // perhaps none, or more than there is
  if (bytes[0] != 'A') return {Framing::Kind::kLost};
  if (bytes.size() < 2) return {Framing::Kind::kMore};
  const std::size_t size = std::size_t{bytes[1]} * 2;
  return size <= bytes.size() ? Framing{Framing::Kind::kMessage, size} : Framing{Framing::Kind::kMore};
}
/// Up to a '\n'.
bool begins_line(Bytes bytes) {
  return bytes[0] >= 'a';
}
Framing frame_line(Bytes bytes) {
  const auto end = std::find(bytes.begin(), bytes.end(), '\n');
  if (bytes[0] < 'a') return {Framing::Kind::kLost};
  if (end == bytes.end()) return {Framing::Kind::kMore};
  return {Framing::Kind::kMessage, static_cast<std::size_t>(end - bytes.begin()) + 1};
}

class Judge final : public TcpStreams::Sink {
 public:
  std::uint32_t message(std::size_t protocol, const StreamEnds&, Bytes bytes,
                        std::span<const FrameId> frames) override {
    require(!bytes.empty() && bytes.size() <= 100 && !frames.empty());
    require(protocol == 0 ? bytes.size() == std::size_t{bytes[1]} * 2 : bytes.back() == '\n');
    for (const FrameId frame : frames) require(frame == current || kept.contains(frame));
    return 0;
  }
  void repeated(FrameId frame, std::uint32_t) override { require(frame == current || kept.contains(frame)); }
  void released(FrameId frame) override { require(kept.erase(frame) == 1); }

  std::set<FrameId> kept;
  FrameId current = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  lc::fuzz::Pieces pieces(data, size);
  Judge judge;
  TcpStreams streams({{begins_sized, frame_sized, 100}, {begins_line, frame_line, 100}},
                     {.streams = 3, .bytes = 2000, .stream_bytes = 1000}, judge);
  std::int64_t now_ns = 0;
  FrameId last = 0;
  while (!pieces.empty()) {
    const std::uint8_t control = pieces.u8();
    now_ns += std::int64_t{pieces.u8()} << 24;  // up to four seconds
    if ((control & 0x40) != 0) streams.expire(now_ns);
    lc::packet::IpPacket ip;
    ip.version = 4;
    ip.protocol = 6;
    ip.has_ports = ip.has_transport = true;
    ip.source_port = control & 3;
    ip.tcp.flags = (control & 0x80) != 0 ? control >> 2 & 7 : 0;
    ip.tcp.sequence = pieces.u8() - 128U;
    if ((control & 0x20) != 0) ip.tcp.sequence += std::uint32_t{pieces.u8()} << 24;
    const std::vector<std::uint8_t> payload = pieces.bytes(pieces.u8());
    ip.payload = payload;
    judge.current = ++last;
    if (streams.add(ip, last, now_ns)) judge.kept.insert(last);
    judge.current = 0;
  }
  streams.expire(std::numeric_limits<std::int64_t>::max());
  require(judge.kept.empty());
  return 0;
}
