#include "common/packet/batch.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "common/base/text.h"
#include "common/packet/wire_format.h"
#include "common/packet/wire_schema.h"

namespace lc::packet {
namespace {

using wire_format::as_text;
using wire_format::Reader;
using wire_format::WireType;

/// What a packet says besides its entry; views into the message.
struct Extras {
  BatchInterface interface;
  std::span<const std::uint8_t> matched;
  std::span<const std::uint8_t> metadata;
};

/// `checked`: an interface's name that is UTF-8, nearly always this one's too.
bool read_packet(std::span<const std::uint8_t> message, const std::uint8_t* batch_begin, std::string_view checked,
                 PacketEntry& entry, Extras& extras) {
  auto& [interface, matched, metadata] = extras;
  Reader reader(message, 1);
  std::span<const std::uint8_t> data;
  while (!reader.done()) {
    const std::uint8_t* const field_begin = reader.position();
    std::uint32_t field = 0;
    WireType type{};
    if (!reader.tag(field, type)) return false;
    std::uint64_t number = 0;
    if (type == wire_format::kVarint) {
      if (!reader.varint(number)) return false;
      switch (field) {
        case wire_format::kTimestamp:
          entry.timestamp_ns = static_cast<std::int64_t>(number);
          break;
        case wire_format::kOriginalLength:
          entry.original = static_cast<std::uint32_t>(number);
          break;
        case wire_format::kInterfaceIndex:
          interface.index = static_cast<std::uint32_t>(number);
          break;
        case wire_format::kLinkType:
          interface.link_type = static_cast<std::uint32_t>(number);
          break;
        default:  // capture_length too: the data's own size says it
          break;
      }
    } else if (type == wire_format::kBytes && field == wire_format::kData) {
      if (!reader.bytes(data)) return false;
    } else if (type == wire_format::kBytes && field == wire_format::kInterfaceName) {
      std::span<const std::uint8_t> name;
      if (!reader.bytes(name)) return false;
      interface.name = as_text(name);
      if (interface.name != checked && !is_utf8(interface.name)) return false;
    } else if (type == wire_format::kBytes && field == wire_format::kMatchedFilterIds) {
      std::span<const std::uint8_t> id;
      if (!reader.bytes(id) || !is_utf8(as_text(id))) return false;
      const std::uint8_t* const begin = matched.empty() ? field_begin : matched.data();
      matched = {begin, static_cast<std::size_t>(reader.position() - begin)};
    } else {
      if (!reader.skip(field, type, wire_format::kCapturedPacket)) return false;
      if (type == wire_format::kBytes && field == wire_format::kMetadata) metadata = {field_begin, reader.position()};
    }
  }
  if (data.size() > kMaxPacketBytes) return false;
  entry.captured = static_cast<std::uint32_t>(data.size());
  entry.original = std::max(entry.original, entry.captured);
  entry.offset = data.empty() ? 0 : static_cast<std::uint32_t>(data.data() - batch_begin);
  return true;
}

/// The front of a packet that is written as all senders do, fields by rising number: its bytes, time and lengths.
/// `rest` is what follows. False: it is written otherwise, or has none of these, and `entry` has no meaning.
bool read_front(std::span<const std::uint8_t> message, const std::uint8_t* batch_begin, PacketEntry& entry,
                std::span<const std::uint8_t>& rest) {
  Reader reader(message, 1);
  const auto comes = [&](std::uint32_t field, WireType type) {
    const std::uint8_t tag = static_cast<std::uint8_t>(field << 3 | type);
    return reader.skip_same({&tag, 1});
  };
  std::span<const std::uint8_t> data;
  std::uint64_t timestamp = 0;
  std::uint64_t captured = 0;  // the data's own size says it
  std::uint64_t original = 0;
  if (!comes(wire_format::kData, wire_format::kBytes) || !reader.bytes(data)) return false;
  if (!comes(wire_format::kTimestamp, wire_format::kVarint) || !reader.varint(timestamp)) return false;
  if (!comes(wire_format::kCaptureLength, wire_format::kVarint) || !reader.varint(captured)) return false;
  if (!comes(wire_format::kOriginalLength, wire_format::kVarint) || !reader.varint(original)) return false;
  if (data.empty() || data.size() > kMaxPacketBytes) return false;
  rest = {reader.position(), message.data() + message.size()};
  entry.timestamp_ns = static_cast<std::int64_t>(timestamp);
  entry.offset = static_cast<std::uint32_t>(data.data() - batch_begin);
  entry.captured = static_cast<std::uint32_t>(data.size());
  entry.original = std::max(static_cast<std::uint32_t>(original), entry.captured);
  return true;
}

/// Of what read_packet() has taken: whether it says nothing but the interface, the link type and what was matched.
bool says_only_whence(std::span<const std::uint8_t> rest) {
  Reader reader(rest, 1);
  while (!reader.done()) {
    std::uint32_t field = 0;
    WireType type{};
    if (!reader.tag(field, type)) return false;
    const bool is_number =
        type == wire_format::kVarint && (field == wire_format::kInterfaceIndex || field == wire_format::kLinkType);
    const bool is_text = type == wire_format::kBytes &&
                         (field == wire_format::kInterfaceName || field == wire_format::kMatchedFilterIds);
    if ((!is_number && !is_text) || !reader.skip(field, type)) return false;
  }
  return true;
}

bool read_stats(std::span<const std::uint8_t> message, BatchStats& stats) {
  Reader reader(message, 1);
  while (!reader.done()) {
    std::uint32_t field = 0;
    WireType type{};
    if (!reader.tag(field, type)) return false;
    if (type != wire_format::kVarint) {
      if (!reader.skip(field, type)) return false;
      continue;
    }
    std::uint64_t number = 0;
    if (!reader.varint(number)) return false;
    switch (field) {
      case wire_format::kTotalCaptured:
        stats.total_captured = number;
        break;
      case wire_format::kFilteredMatched:
        stats.filtered_matched = number;
        break;
      case wire_format::kDropped:
        stats.dropped = number;
        break;
      case wire_format::kBufferUsage:
        stats.buffer_usage = static_cast<std::uint32_t>(number);
        break;
      default:
        break;
    }
  }
  return true;
}

/// Of these fields among the last that were met, or behind them.
std::uint16_t index_of(std::vector<MatchedIds>& known, std::span<const std::uint8_t> matched) {
  constexpr std::size_t kLooks = 16;
  const std::size_t oldest = known.size() > kLooks + 1 ? known.size() - kLooks : 1;
  for (std::size_t i = known.size(); i-- > oldest;) {
    if (std::ranges::equal(known[i].fields(), matched)) return static_cast<std::uint16_t>(i);
  }
  known.emplace_back(matched);
  return static_cast<std::uint16_t>(known.size() - 1);
}

void set_number(BatchHeader& header, std::uint32_t field, std::uint64_t number) {
  switch (field) {
    case wire_format::kSequence:
      header.sequence = number;
      break;
    case wire_format::kBatchTimestamp:
      header.timestamp_ns = static_cast<std::int64_t>(number);
      break;
    case wire_format::kEpoch:
      header.epoch = number;
      break;
    case wire_format::kFilterRevision:
      header.filter_revision = number;
      break;
    default:
      break;
  }
}

}  // namespace

void MatchedIds::for_each(const std::function<void(std::string_view)>& visit) const {
  Reader reader(fields_, 1);
  while (!reader.done()) {
    std::uint32_t field = 0;
    WireType type{};
    std::span<const std::uint8_t> content;
    if (!reader.tag(field, type)) return;
    if (type == wire_format::kBytes && field == wire_format::kMatchedFilterIds) {
      if (!reader.bytes(content)) return;
      visit(as_text(content));
    } else if (!reader.skip(field, type)) {
      return;
    }
  }
}

std::span<const std::uint8_t> Batch::metadata_of(std::size_t number) const {
  const auto found = std::ranges::lower_bound(metadata_, number, {}, &Metadata::number);
  return found != metadata_.end() && found->number == number ? found->field : std::span<const std::uint8_t>();
}

Result<Batch> Batch::parse(Region bytes) {
  Batch batch;
  batch.bytes_ = std::move(bytes);
  const std::uint8_t* const begin = batch.bytes_.data;
  Reader reader(batch.bytes_.bytes());

  // Packets are the bulk of a batch and about alike: the first one's size tells how many will come.
  const auto expect = [&](std::size_t first_size) {
    batch.packets_.reserve(std::min<std::size_t>(512, batch.bytes_.size / (first_size + 3) + 1));
  };
  const auto malformed = [&](const char* what) {
    return Error{Code::kInvalidArgument, std::string("malformed packet batch: ") + what + " near byte " +
                                             std::to_string(reader.position() - begin)};
  };

  // Nearly all packets of a batch say the same of where they come from: that is read once, and then compared.
  struct {
    bool is_simple = false;  // `rest` says nothing of the packet itself
    std::span<const std::uint8_t> rest;
    std::uint16_t interface = 0;
    std::uint16_t matched = 0;
  } before;

  while (!reader.done()) {
    std::uint32_t field = 0;
    WireType type{};
    if (!reader.tag(field, type)) return malformed("bad field tag");
    std::span<const std::uint8_t> content;
    if (type == wire_format::kVarint) {
      std::uint64_t number = 0;
      if (!reader.varint(number)) return malformed("cut number");
      set_number(batch.header_, field, number);
    } else if (type == wire_format::kBytes && field == wire_format::kPackets) {
      if (!reader.bytes(content)) return malformed("cut packet");
      if (batch.packets_.size() == kMaxBatchPackets) return malformed("more packets than a batch may have");
      if (batch.packets_.empty()) expect(content.size());
      PacketEntry& entry = batch.packets_.emplace_back();
      std::span<const std::uint8_t> rest;
      const bool has_front = read_front(content, begin, entry, rest);
      if (has_front && before.is_simple && std::ranges::equal(rest, before.rest)) {
        entry.interface = before.interface;
        entry.matched = before.matched;
        continue;
      }
      entry = {};
      Extras extras;
      auto& known = batch.interfaces_;
      const std::string_view checked = known.empty() ? std::string_view() : known.back().name;
      if (!read_packet(content, begin, checked, entry, extras)) return malformed("bad packet");
      if (!extras.matched.empty()) entry.matched = index_of(batch.matched_, extras.matched);
      if (!extras.metadata.empty()) batch.metadata_.push_back({batch.packets_.size() - 1, extras.metadata});
      const BatchInterface& interface = extras.interface;
      // Nearly always the interface of the packet before.
      if (known.empty() || known.back() != interface) {
        // Looking further back would make a hostile batch quadratic; a name that is there twice does no harm.
        const auto recent = known.end() - static_cast<std::ptrdiff_t>(std::min<std::size_t>(known.size(), 64));
        const auto found = std::find(recent, known.end(), interface);
        entry.interface = static_cast<std::uint16_t>(found - known.begin());
        if (found == known.end()) known.push_back(interface);
      } else {
        entry.interface = static_cast<std::uint16_t>(known.size() - 1);
      }
      before = {has_front && says_only_whence(rest), rest, entry.interface, entry.matched};
    } else if (type == wire_format::kBytes && field == wire_format::kHunterId) {
      if (!reader.bytes(content) || !is_utf8(as_text(content))) return malformed("bad hunter_id");
      batch.header_.hunter_id = as_text(content);
    } else if (type == wire_format::kBytes && field == wire_format::kStats) {
      if (!reader.bytes(content) || !read_stats(content, batch.header_.stats)) return malformed("bad stats");
    } else if (!reader.skip(field, type)) {
      return malformed("bad unknown field");
    }
  }
  return batch;
}

}  // namespace lc::packet
