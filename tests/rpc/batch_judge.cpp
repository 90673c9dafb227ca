#include "tests/rpc/batch_judge.h"

#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "common/packet/batch.h"
#include "lippycat/data.pb.h"

namespace lc::judge {
namespace {

using lippycat::data::CapturedPacket;
using lippycat::data::PacketBatch;
using packet::Batch;
using packet::PacketEntry;

std::string header_disagreement(const packet::BatchHeader& ours, const PacketBatch& theirs) {
  if (ours.hunter_id != theirs.hunter_id()) return "hunter_id";
  if (ours.sequence != theirs.sequence()) return "sequence";
  if (ours.timestamp_ns != theirs.timestamp_ns()) return "timestamp_ns";
  if (ours.epoch != theirs.epoch()) return "epoch";
  if (ours.filter_revision != theirs.filter_revision()) return "filter_revision";
  if (ours.stats.total_captured != theirs.stats().total_captured()) return "stats.total_captured";
  if (ours.stats.filtered_matched != theirs.stats().filtered_matched()) return "stats.filtered_matched";
  if (ours.stats.dropped != theirs.stats().dropped()) return "stats.dropped";
  if (ours.stats.buffer_usage != theirs.stats().buffer_usage()) return "stats.buffer_usage";
  return {};
}

std::string packet_disagreement(const Batch& batch, const PacketEntry& ours, const CapturedPacket& theirs) {
  const std::string_view data(reinterpret_cast<const char*>(batch.data_of(ours)), ours.captured);
  if (ours.captured > batch.region().size || ours.offset > batch.region().size - ours.captured) return "data's place";
  if (data != theirs.data()) return "data";
  if (ours.timestamp_ns != theirs.timestamp_ns()) return "timestamp_ns";
  if (ours.original != std::max<std::size_t>(theirs.original_length(), theirs.data().size())) return "original_length";
  if (ours.interface >= batch.interfaces().size()) return "interface's place";
  const packet::BatchInterface& interface = batch.interfaces()[ours.interface];
  if (interface.index != theirs.interface_index()) return "interface_index";
  if (interface.link_type != theirs.link_type()) return "link_type";
  if (interface.name != theirs.interface_name()) return "interface_name";
  return {};
}

}  // namespace

std::string disagreement(std::span<const std::uint8_t> bytes, bool& accepted) {
  // An allocation of exactly this size, so that AddressSanitizer sees the first byte read too far.
  const std::shared_ptr<std::uint8_t> copy(new std::uint8_t[bytes.size()], std::default_delete<std::uint8_t[]>());
  std::copy(bytes.begin(), bytes.end(), copy.get());
  const auto ours = Batch::parse({copy, copy.get(), bytes.size()});
  if (!ours && ours.error().code != Code::kInvalidArgument) return "refused with another code than kInvalidArgument";

  PacketBatch theirs;
  accepted = theirs.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  const auto too_large = [](const CapturedPacket& packet) { return packet.data().size() > packet::kMaxPacketBytes; };
  const bool oversize = std::any_of(theirs.packets().begin(), theirs.packets().end(), too_large);
  if (accepted && oversize) return ours ? "a packet that is too large was accepted" : "";
  if (accepted != ours.ok())
    return accepted ? "refused: " + ours.error().text : "accepted, unlike the generated parser";
  if (!accepted) return {};

  if (std::string field = header_disagreement(ours->header(), theirs); !field.empty()) return field;
  if (ours->packets().size() != static_cast<std::size_t>(theirs.packets_size())) return "number of packets";
  for (int i = 0; i < theirs.packets_size(); ++i) {
    std::string field = packet_disagreement(*ours, ours->packets()[static_cast<std::size_t>(i)], theirs.packets(i));
    if (!field.empty()) return "packet " + std::to_string(i) + ": " + field;
  }
  return {};
}

std::string hex(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes.first(std::min<std::size_t>(bytes.size(), 200))) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

void silence_protobuf() {
  google::protobuf::SetLogHandler(nullptr);
}

}  // namespace lc::judge
