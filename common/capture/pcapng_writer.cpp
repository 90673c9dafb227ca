#include "common/capture/pcapng_writer.h"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <string_view>
#include <utility>

namespace lc::capture {
namespace {

// Section numbers are those of draft-ietf-opsawg-pcapng.
enum BlockType : std::uint32_t {
  kSectionHeader = 0x0A0D0D0A,  // 4.1
  kInterfaceDescription = 1,    // 4.2
  kEnhancedPacket = 6,          // 4.3
  kInterfaceStatistics = 5,     // 4.6
};
enum OptionCode : std::uint16_t {
  kEndOfOptions = 0,
  kSectionOs = 3,
  kSectionApplication = 4,
  kInterfaceName = 2,
  kInterfaceDescriptionText = 3,
  kInterfaceTimeResolution = 9,
  kInterfaceFilter = 11,
  kStatisticsReceived = 4,
  kStatisticsDropped = 5,
};

// The rare blocks are put together here; packets have their own, faster way below.
class Block {
 public:
  explicit Block(BlockType type) {
    number(std::uint32_t{type});
    number(std::uint32_t{0});  // the length, known at the end
  }

  template <typename Number>
  Block& number(Number value) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&value);
    bytes_.insert(bytes_.end(), bytes, bytes + sizeof value);
    return *this;
  }
  Block& time(std::int64_t ns) {
    const auto units = static_cast<std::uint64_t>(std::max<std::int64_t>(ns, 0));
    return number(static_cast<std::uint32_t>(units >> 32)).number(static_cast<std::uint32_t>(units));
  }
  Block& option(OptionCode code, std::string_view value) {
    value = value.substr(0, 0xffff);
    number(std::uint16_t{code}).number(static_cast<std::uint16_t>(value.size()));
    bytes_.insert(bytes_.end(), value.begin(), value.end());
    bytes_.resize((bytes_.size() + 3) / 4 * 4);
    return *this;
  }
  Block& option(OptionCode code, std::uint64_t value) {
    return number(std::uint16_t{code}).number(static_cast<std::uint16_t>(sizeof value)).number(value);
  }
  const std::vector<std::uint8_t>& ended() {
    number(std::uint16_t{kEndOfOptions}).number(std::uint16_t{0});
    const auto length = static_cast<std::uint32_t>(bytes_.size() + sizeof(std::uint32_t));
    std::memcpy(bytes_.data() + sizeof(std::uint32_t), &length, sizeof length);
    number(length);
    return bytes_;
  }

 private:
  std::vector<std::uint8_t> bytes_;
};

std::string operating_system() {
  utsname names{};
  return ::uname(&names) == 0 ? std::string(names.sysname) + " " + names.release : std::string("Linux");
}

struct PacketHeader {
  std::uint32_t type;
  std::uint32_t length;
  std::uint32_t interface;
  std::uint32_t time_high;
  std::uint32_t time_low;
  std::uint32_t captured;
  std::uint32_t original;
};
static_assert(sizeof(PacketHeader) == 28);

// Around the packet's bytes: header, up to three bytes of padding, and the length again.
constexpr std::size_t kLargestFrame = sizeof(PacketHeader) + 3 + sizeof(std::uint32_t);

std::uint8_t* put(std::uint8_t* at, const packet::PacketView& packet, std::uint32_t interface) {
  const auto time = static_cast<std::uint64_t>(std::max<std::int64_t>(packet.timestamp_ns, 0));
  const std::uint32_t padded = (packet.captured + 3) & ~std::uint32_t{3};
  const auto length = static_cast<std::uint32_t>(sizeof(PacketHeader) + padded + sizeof(std::uint32_t));
  const PacketHeader header{kEnhancedPacket,
                            length,
                            interface,
                            static_cast<std::uint32_t>(time >> 32),
                            static_cast<std::uint32_t>(time),
                            packet.captured,
                            packet.original};
  std::memcpy(at, &header, sizeof header);
  at += sizeof header;
  if (packet.captured > 0) std::memcpy(at, packet.data, packet.captured);
  constexpr std::uint32_t kPadding = 0;  // four zero bytes; the length then goes over those that are too many
  std::memcpy(at + packet.captured, &kPadding, sizeof kPadding);
  std::memcpy(at + padded, &length, sizeof length);
  return at + padded + sizeof length;
}

}  // namespace

PcapngWriter::PcapngWriter(std::string path, std::unique_ptr<FileOutput> output)
    : CaptureFile(std::move(path), std::move(output)) {
  Block header(kSectionHeader);
  header.number(std::uint32_t{0x1A2B3C4D}).number(std::uint16_t{1}).number(std::uint16_t{0});
  header.number(std::int64_t{-1});  // the section's length: up to the end of the file
  header.option(kSectionOs, operating_system()).option(kSectionApplication, "lippycat " LC_VERSION);
  [[maybe_unused]] const Status taken = append(header.ended());
  assert(taken);  // the buffer is empty
}

Result<std::uint32_t> PcapngWriter::add_interface(const CaptureInterface& interface) {
  const Result<std::uint32_t> link_type = file_link_type(interface.link_type);
  if (!link_type) return link_type;
  const KeyView key(interface.node, interface.name, *link_type);
  if (const auto known = ids_.find(key); known != ids_.end()) return known->second;

  Block block(kInterfaceDescription);
  block.number(static_cast<std::uint16_t>(*link_type)).number(std::uint16_t{0}).number(packet::kMaxPacketBytes);
  block.option(kInterfaceName, interface.name).option(kInterfaceDescriptionText, "hunter " + interface.node);
  block.option(kInterfaceTimeResolution, std::string_view("\x09", 1));  // 10^-9 s
  if (!interface.filter.empty()) {
    block.option(kInterfaceFilter, std::string(1, '\0') + interface.filter);  // 0: a libpcap expression
  }
  if (const Status taken = append(block.ended()); !taken) return taken.error();
  const auto id = static_cast<std::uint32_t>(totals_.size());
  totals_.emplace_back();
  ids_.emplace(Key(interface.node, interface.name, *link_type), id);
  return id;
}

Status PcapngWriter::write(const packet::Batch& batch, std::span<const std::uint32_t> interface_ids) {
  // The batch's own encoding holds every packet's bytes, so its size bounds theirs.
  if (Status room = make_room(batch.region().size + batch.packets().size() * kLargestFrame); !room) return room;
  std::uint8_t* at = end();
  std::uint64_t written = 0;
  for (const packet::PacketEntry& entry : batch.packets()) {
    const std::uint32_t interface = interface_ids[entry.interface];
    if (interface == kLeaveOut) continue;
    assert(interface < totals_.size());
    at = put(at, batch.view(entry), interface);
    ++written;
  }
  take(at, written);
  return {};
}

Status PcapngWriter::write(const packet::Batch& batch, std::span<const std::uint32_t> interface_ids,
                           std::span<const std::uint32_t> numbers) {
  std::size_t bytes = 0;
  for (const std::uint32_t number : numbers) bytes += batch.packets()[number].captured + kLargestFrame;
  if (Status room = make_room(bytes); !room) return room;
  std::uint8_t* at = end();
  for (const std::uint32_t number : numbers) {
    const packet::PacketEntry& entry = batch.packets()[number];
    assert(interface_ids[entry.interface] != kLeaveOut);
    at = put(at, batch.view(entry), interface_ids[entry.interface]);
  }
  take(at, numbers.size());
  return {};
}

Status PcapngWriter::write(const packet::PacketView& packet, std::uint32_t interface) {
  assert(packet.captured <= packet::kMaxPacketBytes);
  if (interface == kLeaveOut) return {};
  assert(interface < totals_.size());
  if (Status room = make_room(packet.captured + kLargestFrame); !room) return room;
  take(put(end(), packet, interface), 1);
  return {};
}

void PcapngWriter::set_drops(std::uint32_t interface, std::uint64_t received, std::uint64_t dropped,
                             std::int64_t at_ns) {
  assert(interface < totals_.size());
  totals_[interface] = Totals{received, dropped, at_ns};
}

Status PcapngWriter::finish() {
  std::vector<std::uint8_t> blocks;
  for (std::size_t id = 0; id < totals_.size(); ++id) {
    const std::optional<Totals>& totals = totals_[id];
    if (!totals) continue;
    Block block(kInterfaceStatistics);
    block.number(static_cast<std::uint32_t>(id)).time(totals->at_ns);
    block.option(kStatisticsReceived, totals->received).option(kStatisticsDropped, totals->dropped);
    const std::vector<std::uint8_t>& bytes = block.ended();
    blocks.insert(blocks.end(), bytes.begin(), bytes.end());
  }
  return blocks.empty() ? Status{} : append(blocks);
}

}  // namespace lc::capture
