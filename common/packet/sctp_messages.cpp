#include "common/packet/sctp_messages.h"

#include <algorithm>
#include <utility>

#include "common/packet/packet_time.h"
#include "common/packet/sctp_chunks.h"

namespace lc::packet {
void SctpMessages::add(const IpPacket& packet, FrameId frame, std::int64_t now_ns) {
  SctpChunks chunks(packet.payload);
  while (const auto one = chunks.next()) {
    if (one->type != SctpChunk::kData) continue;
    const Key key{packet.source, packet.destination, std::uint32_t{packet.source_port} << 16 | packet.destination_port,
                  one->stream, (one->flags & SctpChunk::kUnordered) != 0};
    chunk(key, one->flags, one->number, one->data, frame, now_ns);
  }
}

void SctpMessages::chunk(const Key& key, std::uint8_t flags, std::uint32_t number, std::span<const std::uint8_t> data,
                         FrameId frame, std::int64_t now_ns) {
  if ((flags & SctpChunk::kBegin) != 0 && (flags & SctpChunk::kEnd) != 0) {
    found_(data, {&frame, 1});
    return;
  }
  auto found = partials_.find(key);
  if ((flags & SctpChunk::kBegin) != 0) {
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
  if ((flags & SctpChunk::kEnd) == 0) return;
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
