// Fills a batch: each packet is copied once, from the capture source into the wire's encoding.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "common/packet/batch.h"
#include "common/packet/slab_pool.h"

namespace lc::packet {

/// A finished batch as a sender keeps it until it is acknowledged.
struct EncodedBatch {
  Region bytes;  // a whole PacketBatch message
  std::uint64_t sequence = 0;
  std::uint32_t packets = 0;
  std::int64_t timestamp_ns = 0;  // when it was cut
};

/// Encodes packets behind each other; seal() puts the header in front of them, so that the message is
/// byte for byte what the generated class would write. Batches follow each other in one slab without gaps. One thread.
class BatchBuilder {
 public:
  /// Packets come from this interface, unless append() says otherwise. The pool must outlive the builder.
  BatchBuilder(SlabPool& pool, std::string interface_name, std::uint32_t interface_index)
      : pool_(pool), interface_{std::move(interface_name), interface_index} {}

  /// False, and nothing changed, when there is no room behind an earlier packet of this batch: seal it first. An empty
  /// batch has room for every packet of up to kMaxPacketBytes.
  /// `matched`: fields matched_filter_ids of a CapturedPacket, encoded; at most kMaxMatchedBytes count.
  [[nodiscard]] bool append(const PacketView& packet, std::uint32_t link_type, const CaptureInterface& interface,
                            std::span<const std::uint8_t> matched);
  [[nodiscard]] bool append(const PacketView& packet, std::uint32_t link_type) {
    return append(packet, link_type, interface_, {});
  }
  static constexpr std::size_t kMaxMatchedBytes = 64 * 1024;

  /// The filters that chose the packets of the batch that is open, or begun next.
  void set_filter_revision(std::uint64_t revision) { filter_revision_ = revision; }

  [[nodiscard]] std::uint32_t packets() const { return packets_; }
  [[nodiscard]] bool empty() const { return packets_ == 0; }
  [[nodiscard]] std::size_t size_bytes() const { return end_ - packets_begin_; }  // of the packets' encoding

  /// Ends the batch; the builder is empty again. Must not be empty; header.hunter_id has at most 64 bytes. A
  /// filter_revision of the header wins over the builder's.
  EncodedBatch seal(const BatchHeader& header);

 private:
  void open();

  SlabPool& pool_;
  const CaptureInterface interface_;
  std::shared_ptr<std::uint8_t> slab_;
  std::size_t packets_begin_ = 0;  // offsets in the slab
  std::size_t end_ = 0;
  std::uint32_t packets_ = 0;
  std::uint64_t filter_revision_ = 0;
};

}  // namespace lc::packet
