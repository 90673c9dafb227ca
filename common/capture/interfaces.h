// The interfaces of this machine that can be captured from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace lc::capture {

struct Interface {
  std::string name;
  std::string description;  // usually empty on Linux
  bool up = false;
  bool running = false;  // has a carrier
  bool loopback = false;
  std::vector<std::string> addresses;     // IPv4, then IPv6, as text
  std::vector<std::uint32_t> link_types;  // LINKTYPE_ values it can capture as; empty without permission or when down
};

/// Network interfaces and `any`, in libpcap's order (pcap_findalldevs(3PCAP)). Any thread; opens each of them briefly.
Result<std::vector<Interface>> list_interfaces();

/// A line for each, columns aligned.
std::string as_text(const std::vector<Interface>& interfaces);

/// An array of objects with the struct's fields.
std::string as_json(const std::vector<Interface>& interfaces);

}  // namespace lc::capture
