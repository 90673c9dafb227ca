// Reads the headers of a captured frame: link, tags, PPPoE, IP, transport.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "common/packet/ip_address.h"

namespace lc::packet {

/// Why decoding went no further.
enum class DecodeEnd : std::uint8_t {
  kComplete,     // every header of a protocol known here is read, and the payload is whole
  kNotIp,        // the link carries something else
  kTruncated,    // the frame or the capture ends inside a header or inside the payload
  kMalformed,    // lengths or versions that contradict each other
  kFragment,     // not the first fragment of its datagram: it has no transport header
  kUnsupported,  // an unknown link type, or more tags or extension headers than any sender has reason for
};

/// VLAN tags in the frame. Taking them out means: copy the two bytes in front of end() to type_offset, then leave out
/// the bytes from offset to end(). That holds for Ethernet and for both Linux cooked headers.
struct LinkTags {
  static constexpr std::size_t kMaxIds = 4;

  std::uint32_t type_offset = 0;             // of the link header's type field: the first tag's TPID
  std::uint32_t offset = 0;                  // of the first tag's TCI
  std::uint32_t count = 0;                   // priority tags (id 0) included
  std::array<std::uint16_t, kMaxIds> ids{};  // of the outermost tags, outermost first

  [[nodiscard]] std::uint32_t end() const { return offset + 4 * count; }  // each tag is a TCI and the next type
};

/// What TCP's header says besides its ports (RFC 9293 section 3.1).
struct TcpFields {
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;
  std::uint16_t flags = 0;  // the 12 bits behind the data offset, FIN lowest
};

/// One IP packet. Offsets count from the begin of the frame, and the payload is a view into it.
struct IpPacket {
  std::uint8_t version = 0;   // 4 or 6; 0: no IP header could be read, and nothing else here has a meaning
  std::uint8_t protocol = 0;  // IANA protocol number, behind IPv6's extension headers
  bool more_fragments = false;
  bool has_ports = false;             // may be there when has_transport is not: they come first
  bool has_transport = false;         // the header of TCP, UDP, SCTP or ICMP is read to its end
  std::uint16_t fragment_offset = 0;  // bytes
  std::uint32_t fragment_id = 0;      // of IPv4 always, of IPv6 where there is a fragment header
  IpAddress source;
  IpAddress destination;
  std::uint32_t header_offset = 0;
  std::uint32_t transport_offset = 0;  // behind the last IP or extension header that was read
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint8_t icmp_type = 0;  // ICMP and ICMPv6
  std::uint8_t icmp_code = 0;
  TcpFields tcp;
  /// What was captured behind the last header that was read, without link padding. kTruncated: more was sent.
  std::span<const std::uint8_t> payload;

  [[nodiscard]] bool is_fragment() const { return more_fragments || fragment_offset != 0; }
};

struct Decoded {
  DecodeEnd end = DecodeEnd::kUnsupported;
  LinkTags tags;
  IpPacket ip;  // the outermost
};

/// `link_type` is a LINKTYPE_ value (or a raw-IP DLT_ value, see LinkType). Any thread; never throws or allocates; the
/// result refers to `frame`. Any bytes are allowed. What was read before `end` stays in the result.
///
/// IP's length field rules over the frame's size: bytes behind it are link padding. A length of 0 (segmentation
/// offload, jumbograms) means the rest of the frame.
Decoded decode(std::uint32_t link_type, std::span<const std::uint8_t> frame);

/// The enumerator's name in lower case: "complete", "not_ip", ...
std::string_view name_of(DecodeEnd end);

}  // namespace lc::packet
