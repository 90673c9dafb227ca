// Fills a batch: each packet is copied once, from the capture source into the wire's encoding.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

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

/// Encodes packets of one interface behind each other; seal() puts the header in front of them, so that the message is
/// byte for byte what the generated class would write. Batches follow each other in one slab without gaps. One thread.
class BatchBuilder {
 public:
  /// `interface_name` and `index` go into every packet. The pool must outlive the builder.
  BatchBuilder(SlabPool& pool, std::string interface_name, std::uint32_t interface_index);

  /// False, and nothing changed, when there is no room behind an earlier packet of this batch: seal it first. An empty
  /// batch has room for every packet of up to kMaxPacketBytes.
  [[nodiscard]] bool append(const PacketView& packet, std::uint32_t link_type);

  [[nodiscard]] std::uint32_t packets() const { return packets_; }
  [[nodiscard]] bool empty() const { return packets_ == 0; }
  [[nodiscard]] std::size_t size_bytes() const { return end_ - packets_begin_; }  // of the packets' encoding

  /// Ends the batch; the builder is empty again. Must not be empty; header.hunter_id has at most 64 bytes.
  EncodedBatch seal(const BatchHeader& header);

 private:
  void open();

  SlabPool& pool_;
  std::string name_;
  std::uint32_t index_;
  std::shared_ptr<std::uint8_t> slab_;
  std::size_t packets_begin_ = 0;  // offsets in the slab
  std::size_t end_ = 0;
  std::uint32_t packets_ = 0;
};

}  // namespace lc::packet
