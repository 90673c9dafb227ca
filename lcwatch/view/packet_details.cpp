#include "lcwatch/view/packet_details.h"

#include <array>
#include <cstdio>
#include <span>
#include <utility>

#include "common/packet/decode.h"

namespace lc::watch {
namespace {

constexpr std::size_t kBytesPerLine = 16;
constexpr int kNameWidth = 13;

std::string tcp_flags(std::uint16_t flags) {
  constexpr std::array<std::pair<std::uint16_t, const char*>, 8> kFlags = {{{0x02, "SYN"},
                                                                            {0x10, "ACK"},
                                                                            {0x01, "FIN"},
                                                                            {0x04, "RST"},
                                                                            {0x08, "PSH"},
                                                                            {0x20, "URG"},
                                                                            {0x40, "ECE"},
                                                                            {0x80, "CWR"}}};
  std::string text;
  for (const auto& [bit, name] : kFlags) {
    if ((flags & bit) != 0) text += (text.empty() ? "" : " ") + std::string(name);
  }
  return text;
}

std::string protocol_text(std::uint8_t number) {
  switch (number) {
    case 1:
      return "ICMP";
    case 6:
      return "TCP";
    case 17:
      return "UDP";
    case 58:
      return "ICMPv6";
    case 132:
      return "SCTP";
    default:
      return "protocol " + std::to_string(number);
  }
}

}  // namespace

PacketDetails::PacketDetails(const PacketRing::Entry& entry, const Desk& desk) {
  const PacketRow& row = entry.row;
  if (row.bytes) bytes_ = *row.bytes;
  fields_ = {{"Packet", std::to_string(row.number) + " of " + desk.model.servers()[entry.server]},
             {"Captured", date_text(row.time_ns, desk.options.time, desk.now) + "  " +
                              time_text(row.time_ns, desk.options.time, desk.now)},
             {"Node", row.hunter + "  interface " + row.interface},
             {"From, to", row.source + "  to  " + row.destination},
             {"Protocol", row.protocol},
             {"Info", row.info},
             {"Length", std::to_string(row.length) + " bytes, " + std::to_string(bytes_.size()) + " captured"}};
  if (!row.call_id.empty()) fields_.push_back({"Call-ID", row.call_id});
  if (!row.filters.empty()) {
    std::string ids;
    for (const std::string& id : row.filters) ids += (ids.empty() ? "" : ", ") + id;
    fields_.push_back({"Chosen by", ids});
  }
  add_headers(row);
}

void PacketDetails::add_headers(const PacketRow& row) {
  const std::span bytes(reinterpret_cast<const std::uint8_t*>(bytes_.data()), bytes_.size());
  const packet::Decoded decoded = packet::decode(row.link_type, bytes);
  std::string link = "type " + std::to_string(row.link_type);
  for (std::size_t i = 0; i < std::min<std::size_t>(decoded.tags.count, packet::LinkTags::kMaxIds); ++i) {
    link += ", VLAN " + std::to_string(decoded.tags.ids[i]);
  }
  fields_.push_back({"Link", link});
  const packet::IpPacket& ip = decoded.ip;
  if (ip.version != 0) {
    std::string text = "IPv" + std::to_string(ip.version) + ", " + protocol_text(ip.protocol);
    if (ip.is_fragment()) {
      text += ", fragment " + std::to_string(ip.fragment_id) + " at " + std::to_string(ip.fragment_offset);
    }
    fields_.push_back({"Network", text});
    if (ip.has_ports) {
      text = "ports " + std::to_string(ip.source_port) + " to " + std::to_string(ip.destination_port);
      if (ip.protocol == 6 && ip.has_transport) {
        text += ", " + tcp_flags(ip.tcp.flags) + ", sequence " + std::to_string(ip.tcp.sequence);
      }
      text += ", payload " + std::to_string(ip.payload.size()) + " bytes";
      fields_.push_back({"Transport", text});
    }
  }
  if (decoded.end != packet::DecodeEnd::kComplete) {
    fields_.push_back({"Read up to", std::string(packet::name_of(decoded.end))});
  }
}

std::size_t PacketDetails::lines() const {
  return fields_.size() + 1 + (bytes_.size() + kBytesPerLine - 1) / kBytesPerLine;
}

void PacketDetails::draw(const Pane& pane, std::size_t top) const {
  for (int y = 0; y < pane.height(); ++y) {
    const std::size_t line = top + static_cast<std::size_t>(y);
    if (line < fields_.size()) {
      pane.put(1, y, fields_[line].name, {Style::kHeader}, kNameWidth);
      pane.put(1 + kNameWidth, y, fields_[line].text, {}, pane.width() - 1 - kNameWidth);
    } else if (line > fields_.size() && line < lines()) {
      draw_hex(pane, y, line - fields_.size() - 1);
    }
  }
}

void PacketDetails::draw_hex(const Pane& pane, int y, std::size_t line) const {
  const std::size_t from = line * kBytesPerLine;
  // In less than 76 columns the letters would be cut: then without the blank between the halves.
  const int between = pane.width() >= 76 ? 1 : 0;
  char text[16];
  std::snprintf(text, sizeof text, "%05zx", from);
  int x = pane.put(1, y, text, {Style::kDim}) + 2;
  const int letters = x + 3 * static_cast<int>(kBytesPerLine) + between + 1;
  for (std::size_t i = 0; i < kBytesPerLine && from + i < bytes_.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes_[from + i]);
    std::snprintf(text, sizeof text, "%02x", static_cast<unsigned>(byte));
    if (i == kBytesPerLine / 2) x += between;
    pane.put(x, y, text);
    x += 3;
    const bool plain = byte >= 0x20 && byte < 0x7f;
    pane.put(letters + static_cast<int>(i), y, plain ? std::string(1, static_cast<char>(byte)) : ".",
             {plain ? Style::kAccent : Style::kDim});
  }
}

}  // namespace lc::watch
