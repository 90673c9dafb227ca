#include "lcwatch/remote/packet_rows.h"

#include <memory>
#include <string_view>

#include "lippycat/data.pb.h"

namespace lc::watch {
namespace {

namespace data = lippycat::data;

std::string endpoint(const std::string& address, std::uint32_t port) {
  if (port == 0) return address;
  const bool brackets = address.find(':') != std::string::npos;
  return (brackets ? "[" + address + "]:" : address + ":") + std::to_string(port);
}

std::string text_of(const data::PacketMetadata& metadata) {
  return metadata.protocol().empty() ? metadata.transport() : metadata.protocol();
}

void describe(PacketRow& row, std::span<const std::uint8_t> field) {
  // The field with its tag is the encoding of a message that has nothing else. Used again: its strings keep their
  // memory.
  thread_local data::CapturedPacket packet;
  packet.Clear();
  if (field.empty() || !packet.ParseFromArray(field.data(), static_cast<int>(field.size()))) return;
  data::PacketMetadata& metadata = *packet.mutable_metadata();
  row.source = endpoint(metadata.src_ip(), metadata.src_port());
  row.destination = endpoint(metadata.dst_ip(), metadata.dst_port());
  row.protocol = text_of(metadata);
  row.info = metadata.info();
  row.call_id = metadata.sip().call_id();
}

}  // namespace

PacketRow packet_row(const packet::Batch& batch, std::size_t position, std::uint64_t number) {
  const packet::PacketEntry& entry = batch.packets()[position];
  const packet::BatchInterface& interface = batch.interfaces()[entry.interface];
  PacketRow row;
  row.number = number;
  row.time_ns = entry.timestamp_ns;
  row.hunter = batch.source();
  row.interface = interface.name;
  row.length = entry.original;
  row.link_type = interface.link_type;
  row.bytes = std::make_shared<const std::string>(reinterpret_cast<const char*>(batch.data_of(entry)), entry.captured);
  batch.matched()[entry.matched].for_each([&](std::string_view id) { row.filters.emplace_back(id); });
  describe(row, batch.metadata_of(position));
  return row;
}

}  // namespace lc::watch
