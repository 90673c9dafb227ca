// Says of each packet what a list of packets shows.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/filter/tls_hello.h"
#include "common/info/media_memory.h"
#include "common/info/packet_info.h"
#include "common/packet/decode.h"
#include "common/sip/message.h"

namespace lc::info {

/// Describes each packet by itself, the innermost of a tunnel; fragments and segments are not put together. What it
/// remembers of others is where RTP flows (MediaMemory), so packets should come in their order. The cost is linear in
/// the packet, whatever its bytes are; memory is fixed. One thread; never throws but for want of memory.
class Describer {
 public:
  /// `link_type` is a LINKTYPE_ value. Any bytes are allowed: what can't be read is named by what is around it.
  PacketInfo describe(std::uint32_t link_type, std::span<const std::uint8_t> frame);

 private:
  using Bytes = std::span<const std::uint8_t>;

  void describe_ip(const packet::IpPacket& ip, PacketInfo& info);
  void describe_udp(const packet::IpPacket& udp, PacketInfo& info);
  void describe_tcp(const packet::IpPacket& tcp, PacketInfo& info);
  void describe_sctp(const packet::IpPacket& sctp, PacketInfo& info);
  bool describe_sip(Bytes bytes, PacketInfo& info);
  bool describe_websocket(Bytes bytes, PacketInfo& info);
  bool describe_rtp(const packet::IpPacket& udp, PacketInfo& info);

  MediaMemory media_;
  sip::Message message_;
  filter::TlsHello hello_;
  std::vector<std::uint8_t> hello_message_;
  std::vector<std::uint8_t> unmasked_;
};

}  // namespace lc::info
