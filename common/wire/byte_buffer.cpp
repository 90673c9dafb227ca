#include "common/wire/byte_buffer.h"

#include <grpc/slice.h>

#include <cstring>
#include <memory>
#include <vector>

namespace lc::wire {

grpc::ByteBuffer to_byte_buffer(const packet::Region& region) {
  auto* keeper = new std::shared_ptr<std::uint8_t>(region.owner);
  const auto release = [](void* owner) { delete static_cast<std::shared_ptr<std::uint8_t>*>(owner); };
  // gRPC reads the bytes only; its signature is older than const.
  const grpc::Slice slice(
      grpc_slice_new_with_user_data(const_cast<std::uint8_t*>(region.data), region.size, release, keeper),
      grpc::Slice::STEAL_REF);
  return {&slice, 1};
}

Result<packet::Region> to_region(const grpc::ByteBuffer& buffer, packet::RegionCutter& cutter) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return Error{Code::kInternal, "the received message could not be read"};
  std::size_t size = 0;
  for (const grpc::Slice& slice : slices) size += slice.size();
  auto [owner, data] = cutter.cut(size);
  std::uint8_t* out = data;
  for (const grpc::Slice& slice : slices) {
    if (slice.size() > 0) std::memcpy(out, slice.begin(), slice.size());
    out += slice.size();
  }
  return packet::Region{std::move(owner), data, size};
}

grpc::ByteBuffer serialize(const google::protobuf::MessageLite& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return {&slice, 1};
}

bool parse(const grpc::ByteBuffer& buffer, google::protobuf::MessageLite& message) {
  grpc::Slice slice;
  if (!buffer.TrySingleSlice(&slice).ok() && !buffer.DumpToSingleSlice(&slice).ok()) return false;
  return message.ParseFromArray(slice.begin(), static_cast<int>(slice.size()));
}

}  // namespace lc::wire
