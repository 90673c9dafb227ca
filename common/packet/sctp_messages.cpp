#include "common/packet/sctp_messages.h"

#include <algorithm>
#include <utility>

#include "common/packet/byte_reader.h"
#include "common/packet/packet_time.h"

namespace lc::packet {
namespace {

// RFC 9260 section 3.3.1.
constexpr std::uint8_t kData = 0;
constexpr std::uint8_t kEnd = 0x01;
constexpr std::uint8_t kBegin = 0x02;
constexpr std::uint8_t kUnordered = 0x04;

}  // namespace

void SctpMessages::add(const IpPacket& packet, FrameId frame, std::int64_t now_ns) {
  std::span<const std::uint8_t> rest = packet.payload;
  while (!rest.empty()) {
    ByteReader reader(rest);
    const std::uint8_t type = reader.u8();
    const std::uint8_t flags = reader.u8();
    const std::size_t length = reader.u16();
    if (!reader.ok() || length < 4) break;
    if (type == kData) {
      const std::uint32_t number = reader.u32();
      const std::uint16_t stream = reader.u16();
      reader.skip(6);  // stream sequence number, payload protocol
      if (!reader.ok() || length > rest.size()) break;
      reader.limit(length);
      const Key key{packet.source, packet.destination,
                    std::uint32_t{packet.source_port} << 16 | packet.destination_port, stream,
                    (flags & kUnordered) != 0};
      chunk(key, flags, number, reader.rest(), frame, now_ns);
    }
    rest = rest.subspan(std::min((length + 3) / 4 * 4, rest.size()));
  }
}

void SctpMessages::chunk(const Key& key, std::uint8_t flags, std::uint32_t number, std::span<const std::uint8_t> data,
                         FrameId frame, std::int64_t now_ns) {
  if ((flags & kBegin) != 0 && (flags & kEnd) != 0) {
    found_(data, {&frame, 1});
    return;
  }
  auto found = partials_.find(key);
  if ((flags & kBegin) != 0) {
    if (found != partials_.end()) {
      if (found->second.next_number == number + 1) return;  // sent again
      give_up(found);
    }
    if (partials_.size() >= kMostPartials) give_up(partials_.begin());
    Partial& partial = partials_[key];
    partial.bytes.assign(data.begin(), data.end());
    partial.frames = {frame};
    partial.next_number = number + 1;
    partial.begun_ns = now_ns;
    held_(frame);
    return;
  }
  if (found == partials_.end()) return;
  Partial& partial = found->second;
  if (number != partial.next_number || partial.bytes.size() + data.size() > kMostBytes) {
    if (number != partial.next_number - 1) give_up(found);
    return;
  }
  partial.bytes.insert(partial.bytes.end(), data.begin(), data.end());
  partial.frames.push_back(frame);
  held_(frame);
  ++partial.next_number;
  if ((flags & kEnd) == 0) return;
  const Partial whole = std::move(partial);
  partials_.erase(found);
  found_(whole.bytes, whole.frames);
  for (const FrameId one : whole.frames) released_(one);
}

void SctpMessages::give_up(Partials::iterator partial) {
  const std::vector<FrameId> frames = std::move(partial->second.frames);
  partials_.erase(partial);
  for (const FrameId frame : frames) released_(frame);
}

void SctpMessages::expire(std::int64_t now_ns) {
  for (auto partial = partials_.begin(); partial != partials_.end();) {
    const auto next = std::next(partial);
    if (is_older(partial->second.begun_ns, now_ns, kAgeNs)) give_up(partial);
    partial = next;
  }
}

}  // namespace lc::packet
