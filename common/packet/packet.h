// A packet as a capture source lends it, and the link types that have a meaning here.
#pragma once

#include <cstdint>
#include <string>

namespace lc::packet {

/// Link types as registered at https://www.tcpdump.org/linktypes.html (LINKTYPE_ values, as capture files carry them).
/// They travel as plain numbers, so that a type that nobody here decodes is still captured, forwarded and stored.
/// Raw IP is 101 here; a libpcap handle calls it DLT_RAW (12), which old peers send: decode and writers take both.
enum LinkType : std::uint32_t {
  kNull = 0,
  kEthernet = 1,
  kRawDlt = 12,
  kRaw = 101,
  kLoop = 108,
  kLinuxSll = 113,
  kIpv4 = 228,
  kIpv6 = 229,
  kLinuxSll2 = 276,
};

/// The largest packet that a source gives (libpcap's MAXIMUM_SNAPLEN).
inline constexpr std::uint32_t kMaxPacketBytes = 262'144;

/// Where packets are captured, as their batches say it.
struct CaptureInterface {
  std::string name;         // of the interface, or the capture file's path
  std::uint32_t index = 0;  // in HunterRegistration.interfaces
};

/// Borrowed: the bytes are valid until the source is asked for the next packet.
struct PacketView {
  const std::uint8_t* data = nullptr;
  std::uint32_t captured = 0;     // bytes at `data`
  std::uint32_t original = 0;     // bytes on the wire, >= captured
  std::int64_t timestamp_ns = 0;  // when the kernel (or the file) says it was captured, since 1970-01-01 UTC
};

}  // namespace lc::packet
