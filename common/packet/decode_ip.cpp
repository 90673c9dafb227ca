#include "common/packet/decode_ip.h"

#include <algorithm>
#include <memory>

#include "common/packet/byte_reader.h"

namespace lc::packet {
namespace {

constexpr int kMaxExtensionHeaders = 16;
constexpr std::size_t kUdpHeaderSize = 8;
constexpr std::size_t kSctpHeaderSize = 12;
constexpr std::size_t kIcmpHeaderSize = 4;  // type, code, checksum

// https://www.iana.org/assignments/protocol-numbers
enum Protocol : std::uint8_t {
  kHopByHop = 0,
  kIcmp = 1,
  kTcp = 6,
  kUdp = 17,
  kRouting = 43,
  kFragmentHeader = 44,
  kAuthentication = 51,
  kIcmpv6 = 58,
  kNoNextHeader = 59,
  kDestinationOptions = 60,
  kSctp = 132,
  kMobility = 135,
  kHip = 139,
  kShim6 = 140,
};

bool is_extension_header(std::uint8_t protocol) {
  switch (protocol) {
    case kHopByHop:
    case kRouting:
    case kFragmentHeader:
    case kAuthentication:
    case kDestinationOptions:
    case kMobility:
    case kHip:
    case kShim6:
      return true;
    default:
      return false;
  }
}

/// Reads one IP packet that begins at `offset` of the frame.
class IpDecoder {
 public:
  IpDecoder(std::span<const std::uint8_t> frame, std::size_t offset, IpPacket& ip)
      : frame_(frame), reader_(frame, offset), declared_end_(frame.size()), ip_(ip) {
    ip_.header_offset = static_cast<std::uint32_t>(offset);
  }

  DecodeEnd ipv4();
  DecodeEnd ipv6();
  DecodeEnd behind_ip(std::size_t sent);

 private:
  DecodeEnd extension_headers();
  DecodeEnd transport();
  DecodeEnd tcp();
  DecodeEnd udp();
  DecodeEnd sctp();
  DecodeEnd icmp();

  /// The packet ends here by its own account, which may be before or behind what was captured.
  void declare_end(std::size_t position) {
    declared_end_ = position;
    reader_.limit(position);
  }
  /// In place: copying a finished address would stall on the bytes just stored.
  template <std::size_t size>
  void addresses(std::span<const std::uint8_t, size> source, std::span<const std::uint8_t, size> destination) {
    std::construct_at(&ip_.source, source);
    std::construct_at(&ip_.destination, destination);
  }
  void begin_transport() {
    ip_.transport_offset = static_cast<std::uint32_t>(reader_.position());
    ip_.payload = reader_.rest();
  }
  void ports() {
    ip_.source_port = reader_.u16();
    ip_.destination_port = reader_.u16();
    ip_.has_ports = reader_.ok();
  }
  /// For a header that does not fit. If all that was declared is there, then the length fields left no room for it,
  /// which only a first fragment may do.
  [[nodiscard]] DecodeEnd cut_short() const {
    return declared_end_ > frame_.size() || ip_.more_fragments ? DecodeEnd::kTruncated : DecodeEnd::kMalformed;
  }
  [[nodiscard]] DecodeEnd if_whole(DecodeEnd end) const {
    return declared_end_ > frame_.size() ? DecodeEnd::kTruncated : end;
  }
  DecodeEnd begin_payload() {
    ip_.has_transport = true;
    ip_.payload = reader_.rest();
    return if_whole(DecodeEnd::kComplete);
  }

  std::span<const std::uint8_t> frame_;
  ByteReader reader_;
  std::size_t declared_end_;
  IpPacket& ip_;
};

// RFC 791 section 3.1.
DecodeEnd IpDecoder::ipv4() {
  constexpr std::size_t kFixedSize = 20;
  const std::uint8_t version_and_size = reader_.u8();
  reader_.skip(1);  // type of service
  const std::uint16_t total_length = reader_.u16();
  const std::uint16_t id = reader_.u16();
  const std::uint16_t flags_and_offset = reader_.u16();
  reader_.skip(1);  // time to live
  const std::uint8_t protocol = reader_.u8();
  reader_.skip(2);  // checksum
  const auto source = reader_.take<4>();
  const auto destination = reader_.take<4>();
  if (!reader_.ok()) return DecodeEnd::kTruncated;

  const std::size_t header_size = std::size_t{version_and_size & 0x0fU} * 4;
  if (version_and_size >> 4 != 4 || header_size < kFixedSize || (total_length != 0 && total_length < header_size)) {
    return DecodeEnd::kMalformed;
  }
  ip_.version = 4;
  ip_.protocol = protocol;
  addresses(source, destination);
  ip_.fragment_id = id;
  ip_.fragment_offset = static_cast<std::uint16_t>((flags_and_offset & 0x1fff) * 8);
  ip_.more_fragments = (flags_and_offset & 0x2000) != 0;
  if (total_length != 0) declare_end(ip_.header_offset + std::size_t{total_length});
  begin_transport();

  reader_.skip(header_size - kFixedSize);
  if (!reader_.ok()) return DecodeEnd::kTruncated;
  begin_transport();
  return ip_.fragment_offset != 0 ? if_whole(DecodeEnd::kFragment) : transport();
}

// RFC 8200 section 3.
DecodeEnd IpDecoder::ipv6() {
  const std::uint8_t version = reader_.u8() >> 4;
  reader_.skip(3);  // the rest of traffic class and flow label
  const std::uint16_t payload_length = reader_.u16();
  const std::uint8_t next_header = reader_.u8();
  reader_.skip(1);  // hop limit
  const auto source = reader_.take<16>();
  const auto destination = reader_.take<16>();
  if (!reader_.ok()) return DecodeEnd::kTruncated;

  if (version != 6) return DecodeEnd::kMalformed;
  ip_.version = 6;
  ip_.protocol = next_header;
  addresses(source, destination);
  // 0 stands for "too long for this field", unless there is nothing that could follow.
  if (payload_length != 0 || next_header == kNoNextHeader) declare_end(reader_.position() + payload_length);
  begin_transport();
  return is_extension_header(next_header) ? extension_headers() : transport();
}

DecodeEnd IpDecoder::behind_ip(std::size_t sent) {
  declare_end(sent);
  begin_transport();
  return ip_.version == 6 && is_extension_header(ip_.protocol) ? extension_headers() : transport();
}

// RFC 8200 section 4, RFC 4302 (authentication), RFC 6275 (mobility), RFC 7401 (HIP), RFC 5533 (shim6).
DecodeEnd IpDecoder::extension_headers() {
  for (int headers = 0; is_extension_header(ip_.protocol); ++headers) {
    if (headers == kMaxExtensionHeaders) return DecodeEnd::kUnsupported;
    const std::uint8_t next_header = reader_.u8();
    const std::size_t length = reader_.u8();
    std::uint16_t offset_and_flags = 0;
    std::uint32_t id = 0;
    if (ip_.protocol == kFragmentHeader) {
      offset_and_flags = reader_.u16();
      id = reader_.u32();
    } else if (ip_.protocol == kAuthentication) {
      reader_.skip((length + 2) * 4 - 2);
    } else {
      reader_.skip((length + 1) * 8 - 2);
    }
    if (!reader_.ok()) return cut_short();

    if (ip_.protocol == kFragmentHeader) {
      ip_.fragment_offset = offset_and_flags & 0xfff8;
      ip_.more_fragments = (offset_and_flags & 1) != 0;
      ip_.fragment_id = id;
    }
    ip_.protocol = next_header;
    begin_transport();
    if (ip_.fragment_offset != 0) return if_whole(DecodeEnd::kFragment);
  }
  return transport();
}

DecodeEnd IpDecoder::transport() {
  switch (ip_.protocol) {
    case kTcp:
      return tcp();
    case kUdp:
      return udp();
    case kSctp:
      return sctp();
    case kIcmp:
    case kIcmpv6:
      return icmp();
    default:
      return if_whole(DecodeEnd::kComplete);
  }
}

// RFC 9293 section 3.1.
DecodeEnd IpDecoder::tcp() {
  constexpr std::size_t kFixedSize = 20;
  ports();
  const std::uint32_t sequence = reader_.u32();
  const std::uint32_t acknowledgement = reader_.u32();
  const std::uint16_t size_and_flags = reader_.u16();
  reader_.skip(6);  // window, checksum, urgent pointer
  if (!reader_.ok()) return cut_short();

  ip_.tcp = {sequence, acknowledgement, static_cast<std::uint16_t>(size_and_flags & 0x0fff)};
  const std::size_t header_size = std::size_t{static_cast<std::uint16_t>(size_and_flags >> 12)} * 4;
  if (header_size < kFixedSize) return DecodeEnd::kMalformed;
  reader_.skip(header_size - kFixedSize);
  return reader_.ok() ? begin_payload() : cut_short();
}

// RFC 768. In a first fragment the length is the whole datagram's.
DecodeEnd IpDecoder::udp() {
  ports();
  const std::uint16_t length = reader_.u16();
  reader_.skip(2);  // checksum
  if (!reader_.ok()) return cut_short();

  if (!ip_.more_fragments) {
    const std::size_t end = ip_.transport_offset + std::size_t{length};
    if (length < kUdpHeaderSize || end > declared_end_) {
      begin_payload();
      return DecodeEnd::kMalformed;
    }
    declare_end(end);
  }
  return begin_payload();
}

// RFC 9260 section 3.1.
DecodeEnd IpDecoder::sctp() {
  ports();
  reader_.skip(8);  // verification tag, checksum
  return reader_.ok() ? begin_payload() : cut_short();
}

// RFC 792 and RFC 4443 section 2.1: what follows the checksum depends on the type, so it counts as payload.
DecodeEnd IpDecoder::icmp() {
  const std::uint8_t type = reader_.u8();
  const std::uint8_t code = reader_.u8();
  reader_.skip(2);  // checksum
  if (!reader_.ok()) return cut_short();
  ip_.icmp_type = type;
  ip_.icmp_code = code;
  return begin_payload();
}

/// IpPacket has no place for the size of TCP's header, so it is looked for: the right one says its own size, and has
/// the ports and the sequence number. Nothing before the right one is read.
std::size_t tcp_header_size(const IpPacket& ip) {
  for (std::size_t size = 20; size < 60; size += 4) {
    ByteReader header({ip.payload.data() - size, size});
    const bool same_ports = header.u16() == ip.source_port && header.u16() == ip.destination_port;
    if (same_ports && header.u32() == ip.tcp.sequence && header.u32() == ip.tcp.acknowledgement &&
        std::size_t{header.u8()} >> 4 == size / 4) {
      return size;
    }
  }
  return 60;
}

std::size_t transport_header_size(const IpPacket& ip) {
  if (!ip.has_transport) return 0;
  switch (ip.protocol) {
    case kTcp:
      return tcp_header_size(ip);
    case kUdp:
      return kUdpHeaderSize;
    case kSctp:
      return kSctpHeaderSize;
    default:
      return kIcmpHeaderSize;
  }
}

std::size_t extension_header_size(std::uint8_t protocol, std::uint8_t length) {
  switch (protocol) {
    case kFragmentHeader:
      return 8;
    case kAuthentication:
      return (std::size_t{length} + 2) * 4;
    default:
      return (std::size_t{length} + 1) * 8;
  }
}

}  // namespace

FragmentPart fragment_part(const IpPacket& fragment) {
  const std::size_t headers_size = fragment.transport_offset - fragment.header_offset;
  const std::uint8_t* const transport = fragment.payload.data() - transport_header_size(fragment);
  const std::uint8_t* const end = fragment.payload.data() + fragment.payload.size();
  const std::span headers(transport - headers_size, headers_size);

  if (fragment.version == 4) {
    const std::span bytes(transport, end);
    if (std::size_t{headers[0] & 0x0fU} * 4 != headers_size) return {};  // cut within the options
    const std::size_t total_length = ByteReader(headers, 2).u16();
    return {bytes, std::max(bytes.size(), total_length - std::min(total_length, headers_size)), fragment.protocol};
  }

  // Extension headers that were read behind the fragment header are the datagram's.
  constexpr std::size_t kFixedSize = 40;
  FragmentPart part;
  std::size_t part_offset = headers_size;
  std::uint8_t protocol = headers[6];
  for (std::size_t at = kFixedSize; at < headers_size;) {
    const std::uint8_t next_header = headers[at];
    const std::size_t size = extension_header_size(protocol, headers[at + 1]);
    if (protocol == kFragmentHeader) {
      part_offset = at + size;
      part.next_header = next_header;
    }
    protocol = next_header;
    at += size;
  }
  part.bytes = {headers.data() + part_offset, end};
  const std::size_t packet_size = kFixedSize + ByteReader(headers, 4).u16();
  part.sent = std::max(part.bytes.size(), packet_size - std::min(packet_size, part_offset));
  return part;
}

DecodeEnd decode_transport(std::span<const std::uint8_t> bytes, std::size_t sent, IpPacket& ip) {
  return IpDecoder(bytes, 0, ip).behind_ip(sent);
}

DecodeEnd decode_ipv4(std::span<const std::uint8_t> frame, std::size_t offset, IpPacket& ip) {
  return IpDecoder(frame, offset, ip).ipv4();
}

DecodeEnd decode_ipv6(std::span<const std::uint8_t> frame, std::size_t offset, IpPacket& ip) {
  return IpDecoder(frame, offset, ip).ipv6();
}

}  // namespace lc::packet
