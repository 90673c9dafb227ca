// A batch's place in its slab: [headroom][packets...][tail]. The packets are encoded as they come; the header, whose
// sequence is known only when the batch is cut, is written backwards-aligned into the headroom.
#include "common/packet/batch_builder.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "common/packet/wire_format.h"

namespace lc::packet {
namespace {

using namespace wire_format;

constexpr std::size_t kMaxHunterId = 64;
// hunter_id, sequence and timestamp_ns with their tags.
constexpr std::size_t kHeadroom = 2 + kMaxHunterId + 11 + 11;
// stats (four numbers of up to 11 bytes in a message), epoch and filter_revision.
constexpr std::size_t kTail = 2 + 4 * 11 + 2 * 12;
constexpr std::size_t kNumberMax = 6;  // tag and a 32-bit varint

}  // namespace

void BatchBuilder::open() {
  slab_ = pool_.take();
  packets_begin_ = kHeadroom;
  end_ = packets_begin_;
}

bool BatchBuilder::append(const PacketView& packet, std::uint32_t link_type, const CaptureInterface& interface,
                          std::span<const std::uint8_t> matched) {
  assert(packet.captured <= kMaxPacketBytes);
  assert(interface.name.size() < SlabPool::kSlabBytes / 4);
  if (matched.size() > kMaxMatchedBytes) matched = {};
  const auto timestamp = static_cast<std::uint64_t>(packet.timestamp_ns);
  const auto number_size = [](std::uint64_t value) { return value == 0 ? 0 : 1 + varint_size(value); };
  const auto bytes_size = [](std::size_t size) { return size == 0 ? 0 : 1 + varint_size(size) + size; };
  const std::size_t message_size = bytes_size(packet.captured) + number_size(timestamp) + number_size(packet.captured) +
                                   number_size(packet.original) + number_size(interface.index) +
                                   number_size(link_type) + bytes_size(interface.name.size()) + matched.size();
  const std::size_t needed = kNumberMax + message_size + kTail;
  if (!slab_ || SlabPool::kSlabBytes - end_ < needed) {
    if (packets_ != 0) return false;
    open();
  }

  std::uint8_t* out = slab_.get() + end_;
  out = put_varint(put_tag(out, kPackets, kBytes), message_size);
  out = put_bytes(out, kData, packet.data, packet.captured);
  out = put_number(out, kTimestamp, timestamp);
  out = put_number(out, kCaptureLength, packet.captured);
  out = put_number(out, kOriginalLength, packet.original);
  out = put_number(out, kInterfaceIndex, interface.index);
  out = put_number(out, kLinkType, link_type);
  out = put_bytes(out, kInterfaceName, interface.name.data(), interface.name.size());
  if (!matched.empty()) out = std::copy(matched.begin(), matched.end(), out);
  end_ = static_cast<std::size_t>(out - slab_.get());
  ++packets_;
  return true;
}

EncodedBatch BatchBuilder::seal(const BatchHeader& header) {
  assert(packets_ > 0);
  assert(header.hunter_id.size() <= kMaxHunterId);
  std::array<std::uint8_t, kHeadroom> front{};
  std::uint8_t* out = put_bytes(front.data(), kHunterId, header.hunter_id.data(), header.hunter_id.size());
  out = put_number(out, kSequence, header.sequence);
  out = put_number(out, kBatchTimestamp, static_cast<std::uint64_t>(header.timestamp_ns));
  const auto front_size = static_cast<std::size_t>(out - front.data());
  std::uint8_t* const begin = slab_.get() + packets_begin_ - front_size;
  std::memcpy(begin, front.data(), front_size);

  std::array<std::uint8_t, kTail> stats{};
  out = put_number(stats.data(), kTotalCaptured, header.stats.total_captured);
  out = put_number(out, kFilteredMatched, header.stats.filtered_matched);
  out = put_number(out, kDropped, header.stats.dropped);
  out = put_number(out, kBufferUsage, header.stats.buffer_usage);
  // The stats message is always there, empty or not: its presence says that the sender keeps them.
  const auto stats_size = static_cast<std::size_t>(out - stats.data());
  std::uint8_t* end = put_varint(put_tag(slab_.get() + end_, kStats, kBytes), stats_size);
  std::memcpy(end, stats.data(), stats_size);
  end = put_number(end + stats_size, kEpoch, header.epoch);
  end = put_number(end, kFilterRevision, header.filter_revision != 0 ? header.filter_revision : filter_revision_);

  EncodedBatch batch{
      {slab_, begin, static_cast<std::size_t>(end - begin)}, header.sequence, packets_, header.timestamp_ns};
  packets_ = 0;
  packets_begin_ = static_cast<std::size_t>(end - slab_.get()) + kHeadroom;
  end_ = packets_begin_;
  if (packets_begin_ >= SlabPool::kSlabBytes) slab_.reset();
  return batch;
}

}  // namespace lc::packet
