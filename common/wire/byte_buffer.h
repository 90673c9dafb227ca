// Batches in and out of gRPC without a second encoding: the bytes of a PacketBatch as grpc::ByteBuffer.
#pragma once

#include <google/protobuf/message_lite.h>
#include <grpcpp/support/byte_buffer.h>

#include "common/base/result.h"
#include "common/packet/slab_pool.h"

namespace lc::wire {

/// A buffer of one slice that borrows the region's bytes and keeps its slab alive until gRPC has sent them.
grpc::ByteBuffer to_byte_buffer(const packet::Region& region);

/// The bytes as one contiguous region: gRPC receives a message in slices of a few KiB, which are gathered into pooled
/// memory (measured as cheap as walking them, and gRPC's own buffers go back at once). kInternal for a broken buffer.
Result<packet::Region> to_region(const grpc::ByteBuffer& buffer, packet::RegionCutter& cutter);

/// For the small messages of a raw stream.
grpc::ByteBuffer serialize(const google::protobuf::MessageLite& message);
bool parse(const grpc::ByteBuffer& buffer, google::protobuf::MessageLite& message);

}  // namespace lc::wire
