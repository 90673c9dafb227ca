#include "common/capture/pcap_writer.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include "common/base/text.h"
#include "common/filter/bpf_link_type.h"

namespace lc::capture {
namespace {

struct FileHeader {
  std::uint32_t magic = 0xa1b23c4d;
  std::uint16_t major = 2;
  std::uint16_t minor = 4;
  std::uint32_t reserved1 = 0;
  std::uint32_t reserved2 = 0;
  std::uint32_t snap_length = packet::kMaxPacketBytes;
  std::uint32_t link_type = 0;
};
static_assert(sizeof(FileHeader) == 24);

struct RecordHeader {
  std::uint32_t seconds;
  std::uint32_t nanoseconds;
  std::uint32_t captured;
  std::uint32_t original;
};
static_assert(sizeof(RecordHeader) == 16);

std::uint8_t* put(std::uint8_t* at, const packet::PacketView& packet) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  constexpr std::int64_t kLast = 0xffff'ffff * kSecond + (kSecond - 1);
  const std::int64_t time = std::clamp<std::int64_t>(packet.timestamp_ns, 0, kLast);
  const RecordHeader header{static_cast<std::uint32_t>(time / kSecond), static_cast<std::uint32_t>(time % kSecond),
                            packet.captured, packet.original};
  std::memcpy(at, &header, sizeof header);
  at += sizeof header;
  if (packet.captured > 0) std::memcpy(at, packet.data, packet.captured);
  return at + packet.captured;
}

std::string name_and_number(std::uint32_t link_type) {
  return filter::link_type_name(link_type) + " (" + std::to_string(link_type) + ")";
}

}  // namespace

PcapWriter::PcapWriter(std::string path, std::unique_ptr<FileOutput> output)
    : CaptureFile(std::move(path), std::move(output)) {}

Result<std::uint32_t> PcapWriter::add_interface(const CaptureInterface& interface) {
  const Result<std::uint32_t> link_type = file_link_type(interface.link_type);
  if (!link_type) return link_type;
  if (!link_type_) {
    if (const Status header = write_header(*link_type); !header) return header.error();
  }
  if (*link_type == *link_type_) return std::uint32_t{0};
  return Error{Code::kFailedPrecondition,
               "capture file " + quoted(path()) + " holds link type " + name_and_number(*link_type_) +
                   ", and a pcap file holds only one: interface " + quoted(interface.name) + " of " +
                   quoted(interface.node) + " has " + name_and_number(*link_type) + "; write to a .pcapng file"};
}

Status PcapWriter::write(const packet::Batch& batch, std::span<const std::uint32_t> interface_ids) {
  // The batch's own encoding holds every packet's bytes, so its size bounds theirs.
  if (Status room = make_room(batch.region().size + batch.packets().size() * sizeof(RecordHeader)); !room) return room;
  std::uint8_t* at = end();
  std::uint64_t written = 0;
  for (const packet::PacketEntry& entry : batch.packets()) {
    if (interface_ids[entry.interface] == kLeaveOut) continue;
    at = put(at, batch.view(entry));
    ++written;
  }
  assert(link_type_ || written == 0);
  take(at, written);
  return {};
}

Status PcapWriter::write(const packet::Batch& batch, [[maybe_unused]] std::span<const std::uint32_t> interface_ids,
                         std::span<const std::uint32_t> numbers) {
  std::size_t bytes = 0;
  for (const std::uint32_t number : numbers) bytes += batch.packets()[number].captured + sizeof(RecordHeader);
  if (Status room = make_room(bytes); !room) return room;
  std::uint8_t* at = end();
  for (const std::uint32_t number : numbers) {
    const packet::PacketEntry& entry = batch.packets()[number];
    assert(interface_ids[entry.interface] != kLeaveOut);
    at = put(at, batch.view(entry));
  }
  take(at, numbers.size());
  return {};
}

Status PcapWriter::write(const packet::PacketView& packet, std::uint32_t interface) {
  assert(packet.captured <= packet::kMaxPacketBytes);
  if (interface == kLeaveOut) return {};
  assert(link_type_);
  if (Status room = make_room(sizeof(RecordHeader) + packet.captured); !room) return room;
  take(put(end(), packet), 1);
  return {};
}

Status PcapWriter::write_header(std::uint32_t link_type) {
  FileHeader header;
  header.link_type = link_type;
  if (Status room = make_room(sizeof header); !room) return room;
  std::memcpy(end(), &header, sizeof header);
  take(end() + sizeof header, 0);
  link_type_ = link_type;
  return {};
}

Status PcapWriter::finish() {
  return link_type_ ? Status{} : write_header(packet::kEthernet);
}

}  // namespace lc::capture
