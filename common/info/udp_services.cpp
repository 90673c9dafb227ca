#include "common/info/udp_services.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "common/info/line.h"
#include "common/packet/byte_reader.h"
#include "common/sip/sdp.h"

namespace lc::info {
namespace {

using packet::ByteReader;
using Bytes = std::span<const std::uint8_t>;

template <std::size_t size>
std::string_view name_of(std::size_t number, const std::array<std::string_view, size>& names,
                         std::string_view otherwise) {
  return number < size && !names[number].empty() ? names[number] : otherwise;
}

// Echo's identifier and sequence number, which follow the checksum.
std::string echo(std::string_view what, Bytes payload) {
  ByteReader reader(payload);
  const std::uint16_t id = reader.u16();
  const std::uint16_t sequence = reader.u16();
  return join("Echo (ping) ", what, " id=0x", Hex{id, 4}, ", seq=", sequence);
}

std::string icmp4_line(std::uint8_t type, std::uint8_t code, Bytes payload) {
  constexpr std::array<std::string_view, 14> kUnreachable = {"Network unreachable",
                                                             "Host unreachable",
                                                             "Protocol unreachable",
                                                             "Port unreachable",
                                                             "Fragmentation needed",
                                                             "Source route failed",
                                                             "Destination network unknown",
                                                             "Destination host unknown",
                                                             "Source host isolated",
                                                             "Network administratively prohibited",
                                                             "Host administratively prohibited",
                                                             "Network unreachable for TOS",
                                                             "Host unreachable for TOS",
                                                             "Communication administratively filtered"};
  switch (type) {
    case 0:
      return echo("reply", payload);
    case 3:
      return join("Destination unreachable (", name_of(code, kUnreachable, "other reason"), ")");
    case 5:
      return "Redirect";
    case 8:
      return echo("request", payload);
    case 11:
      return code == 0 ? "Time-to-live exceeded (in transit)" : "Time-to-live exceeded (in reassembly)";
    case 12:
      return "Parameter problem";
    default:
      return join("Type ", type, ", code ", code);
  }
}

std::string target_of(Bytes payload) {
  ByteReader reader(payload);
  reader.skip(4);  // flags
  const packet::IpAddress target(reader.take<16>());
  return reader.ok() ? target.text() : std::string();
}

std::string icmp6_line(std::uint8_t type, std::uint8_t code, Bytes payload) {
  constexpr std::array<std::string_view, 7> kUnreachable = {"no route to destination",
                                                            "administratively prohibited",
                                                            "beyond scope of source address",
                                                            "address unreachable",
                                                            "port unreachable",
                                                            "source address failed policy",
                                                            "route rejected"};
  switch (type) {
    case 1:
      return join("Destination unreachable (", name_of(code, kUnreachable, "other reason"), ")");
    case 2:
      return "Packet too big";
    case 3:
      return "Time exceeded";
    case 4:
      return "Parameter problem";
    case 128:
      return echo("request", payload);
    case 129:
      return echo("reply", payload);
    case 130:
      return "Multicast listener query";
    case 131:
      return "Multicast listener report";
    case 132:
      return "Multicast listener done";
    case 133:
      return "Router solicitation";
    case 134:
      return "Router advertisement";
    case 135:
      return join("Neighbor solicitation for ", target_of(payload));
    case 136:
      return join("Neighbor advertisement ", target_of(payload));
    case 137:
      return "Redirect";
    case 143:
      return "Multicast listener report v2";
    default:
      return join("Type ", type, ", code ", code);
  }
}

}  // namespace

std::string dhcp_line(Bytes datagram) {
  constexpr std::uint32_t kMagic = 0x6382'5363;
  constexpr std::size_t kOptions = 236;
  constexpr std::uint8_t kMessageType = 53;  // RFC 2132 section 9.6
  constexpr std::uint8_t kEnd = 255;
  constexpr std::array<std::string_view, 9> kMessages = {"",    "Discover", "Offer",   "Request", "Decline",
                                                         "ACK", "NAK",      "Release", "Inform"};
  ByteReader header(datagram, 4);
  const std::uint32_t id = header.u32();
  ByteReader options(datagram, kOptions);
  const std::uint32_t magic = options.u32();
  if (!options.ok() || magic != kMagic) return {};
  std::string_view message = "message";
  while (options.ok() && !options.rest().empty()) {
    const std::uint8_t option = options.u8();
    if (option == 0) continue;
    if (option == kEnd) break;
    const std::size_t size = options.u8();
    if (option == kMessageType && size == 1) {
      message = name_of(options.u8(), kMessages, message);
      break;
    }
    options.skip(size);
  }
  return join("DHCP ", message, " - Transaction ID 0x", Hex{id});
}

std::string ntp_line(Bytes datagram) {
  constexpr std::size_t kHeader = 48;
  constexpr std::array<std::string_view, 8> kModes = {"reserved", "symmetric active", "symmetric passive", "client",
                                                      "server",   "broadcast",        "control",           "private"};
  const unsigned version = datagram.empty() ? 0 : datagram[0] >> 3 & 7;
  const unsigned mode = datagram.empty() ? 0 : datagram[0] & 7;
  constexpr unsigned kControl = 6;  // these have shorter headers
  if (version == 0 || version > 4 || mode == 0 || datagram.size() < (mode < kControl ? kHeader : 8)) return {};
  return join("NTP Version ", version, ", ", kModes[mode]);
}

std::string rtp_line(const sip::Rtp& rtp) {
  const std::string_view codec = sip::rtp_payload(rtp.payload_type).codec;
  return join("PT=", codec.empty() ? join(rtp.payload_type) : codec, ", SSRC=0x", Hex{rtp.ssrc, 8},
              ", Seq=", rtp.sequence, ", Time=", rtp.timestamp, rtp.marker ? ", Mark" : "");
}

// RFC 3550 section 12.1, RFC 4585, RFC 3611. Only the first packet of a compound: SRTCP encrypts what follows.
std::string rtcp_line(Bytes datagram) {
  constexpr std::size_t kFirst = 200;
  constexpr std::array<std::string_view, 8> kNames = {
      "Sender Report",        "Receiver Report",      "Source description",        "Goodbye",
      "Application specific", "Generic RTP feedback", "Payload-specific feedback", "Extended report"};
  ByteReader reader(datagram);
  reader.skip(1);
  const std::size_t type = reader.u8();
  reader.skip(2);
  const std::uint32_t ssrc = reader.u32();
  std::string line(type >= kFirst ? name_of(type - kFirst, kNames, "Type ") : "Type ");
  if (line.back() == ' ') append(line, type);
  if (reader.ok()) append(line, ", SSRC=0x", Hex{ssrc, 8});
  return line;
}

std::string icmp_line(const packet::IpPacket& packet) {
  constexpr std::uint8_t kIcmp = 1;
  return packet.protocol == kIcmp ? icmp4_line(packet.icmp_type, packet.icmp_code, packet.payload)
                                  : icmp6_line(packet.icmp_type, packet.icmp_code, packet.payload);
}

}  // namespace lc::info
