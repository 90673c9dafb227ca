// What of a captured packet is put into a TAP or TUN device.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "common/packet/packet.h"

namespace lc::processor {

enum class VirtualInterfaceType : std::uint8_t {
  kTap,  // takes Ethernet frames
  kTun,  // takes IP packets
};

/// Why a packet is not in the device; the names are what --stats shows.
enum class NotInjected : std::size_t {
  kQueue,      // the device took packets more slowly than they came
  kNotIp,      // neither what the device takes, nor does it carry an IP packet
  kTruncated,  // the capture cut it: analysers would take it for malformed
  kTooLong,    // longer than kMaxVirtualFrameBytes
  kRefused,    // the kernel did not take it: the device was set down, for one
};
inline constexpr std::size_t kNotInjectedReasons = 5;

std::string_view name_of(NotInjected reason);

/// A TAP device's largest MTU and its link header, and a TUN device's largest MTU (drivers/net/tun.c).
inline constexpr std::size_t kMaxVirtualFrameBytes = 65'535;

/// To be written as one: a header that was made up, often empty, and bytes of the packet, not copied.
struct VirtualFrame {
  static constexpr std::size_t kHeaderBytes = 14;

  [[nodiscard]] std::span<const std::uint8_t> header() const { return std::span(made_up).first(header_size); }

  std::array<std::uint8_t, kHeaderBytes> made_up{};
  std::size_t header_size = 0;
  std::span<const std::uint8_t> bytes;
};

/// Ethernet frames go into a TAP device as they are; what has an EtherType (Linux cooked) or carries IP gets an
/// Ethernet header. For a TUN device the outermost IP packet is cut out, without tags, PPPoE and padding. Any thread;
/// any bytes are allowed; the frame refers to `packet`.
std::variant<VirtualFrame, NotInjected> virtual_frame(VirtualInterfaceType type, std::uint32_t link_type,
                                                      const packet::PacketView& packet);

}  // namespace lc::processor
