// A batch of packets in the wire's own encoding (message lippycat.data.PacketBatch), and the index that reads it in
// place.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/packet/packet.h"
#include "common/packet/slab_pool.h"

namespace lc::packet {

/// Most packets that a received batch may have: empty ones cost two bytes on the wire, and more in the index.
inline constexpr std::size_t kMaxBatchPackets = 65'535;

/// lippycat.data.BatchStats: totals since the hunter's start.
struct BatchStats {
  std::uint64_t total_captured = 0;
  std::uint64_t filtered_matched = 0;
  std::uint64_t dropped = 0;
  std::uint32_t buffer_usage = 0;  // percent of the hunter's queue
};

/// What a batch says of itself, beside its packets.
struct BatchHeader {
  std::string_view hunter_id;
  std::uint64_t sequence = 0;
  std::int64_t timestamp_ns = 0;  // when the batch was cut
  BatchStats stats;
  std::uint64_t epoch = 0;  // 0: a peer that does not know epochs
  std::uint64_t filter_revision = 0;
};

/// Interface and link type of packets; a batch has few, so packets name theirs by number.
struct BatchInterface {
  std::uint32_t index = 0;  // in HunterRegistration.interfaces
  std::uint32_t link_type = 0;
  std::string_view name;

  bool operator==(const BatchInterface&) const = default;
};

/// The filters that chose a packet, as they stand in the message: at least one field matched_filter_ids, and between
/// them perhaps others. Packets that have none have an empty one.
class MatchedIds {
 public:
  MatchedIds() = default;
  explicit MatchedIds(std::span<const std::uint8_t> fields) : fields_(fields) {}

  [[nodiscard]] bool empty() const { return fields_.empty(); }
  /// Calls `visit` with each id.
  void for_each(const std::function<void(std::string_view)>& visit) const;
  [[nodiscard]] std::span<const std::uint8_t> fields() const { return fields_; }

 private:
  std::span<const std::uint8_t> fields_;
};

/// One packet of a batch; 24 bytes, so that a full queue costs little more than its packets.
struct PacketEntry {
  std::int64_t timestamp_ns = 0;
  std::uint32_t offset = 0;  // of the packet's bytes in the batch
  std::uint32_t captured = 0;
  std::uint32_t original = 0;
  std::uint16_t interface = 0;  // index in Batch::interfaces()
  std::uint16_t matched = 0;    // index in Batch::matched()
};

/// An immutable batch whose views point into its own bytes. Any thread.
class Batch {
 public:
  /// Indexes `bytes` without copying. Unknown fields are skipped. Gives kInvalidArgument, with the byte offset, for
  /// anything that protobuf's own parser would refuse and for more than kMaxBatchPackets packets or kMaxPacketBytes in
  /// one. A capture_length that differs from the data's size is corrected to it; an original_length below it likewise.
  static Result<Batch> parse(Region bytes);

  [[nodiscard]] const BatchHeader& header() const { return header_; }
  /// Who has captured it: hunter_id, unless whoever received it knows better. Several hunters may have one id.
  [[nodiscard]] std::string_view source() const { return source_ ? *source_ : header_.hunter_id; }
  /// Before it is shared.
  void set_source(std::shared_ptr<const std::string> source) { source_ = std::move(source); }
  [[nodiscard]] std::span<const PacketEntry> packets() const { return packets_; }
  [[nodiscard]] std::span<const BatchInterface> interfaces() const { return interfaces_; }
  /// What packets matched; the first is of those that matched nothing. The same may be there several times.
  [[nodiscard]] std::span<const MatchedIds> matched() const { return matched_; }
  [[nodiscard]] const std::uint8_t* data_of(const PacketEntry& entry) const { return bytes_.data + entry.offset; }
  [[nodiscard]] PacketView view(const PacketEntry& entry) const {
    return {data_of(entry), entry.captured, entry.original, entry.timestamp_ns};
  }
  /// The metadata that the sender gave the packet of this number, as the message has it: the field, with its tag. Of
  /// several, the last one. Empty: none.
  [[nodiscard]] std::span<const std::uint8_t> metadata_of(std::size_t number) const;
  [[nodiscard]] const Region& region() const { return bytes_; }
  /// What it costs to keep: bytes and index.
  [[nodiscard]] std::size_t memory_bytes() const {
    return bytes_.size + packets_.size() * sizeof(PacketEntry) + metadata_.size() * sizeof(Metadata);
  }

 private:
  struct Metadata {
    std::size_t number = 0;  // of the packet
    std::span<const std::uint8_t> field;
  };

  Region bytes_;
  BatchHeader header_;
  std::shared_ptr<const std::string> source_;
  std::vector<PacketEntry> packets_;
  std::vector<BatchInterface> interfaces_;
  std::vector<MatchedIds> matched_{MatchedIds()};
  std::vector<Metadata> metadata_;  // of those that have any, which is hardly ever one, in order
};

}  // namespace lc::packet
