// Makes the TAP or TUN device into which packets are injected.
#pragma once

#include <string>

#include "common/base/result.h"
#include "common/base/unique_fd.h"
#include "processord/engine/virtual_frame.h"

namespace lc::processor {

struct VirtualDeviceSettings {
  std::string name = "lc0";
  VirtualInterfaceType type = VirtualInterfaceType::kTap;
};

/// What Linux takes for an interface and is no trouble anywhere else: 1 to 15 characters of [A-Za-z0-9._-].
Status check_interface_name(const std::string& name);

/// A device that is up, without an address, with the largest MTU, whose packets only those see who capture on it
/// (packet(7)): this host's own network stack passes them over. Each write(2) to it is one packet; it goes with the
/// descriptor. Throws StartError when the name is in use, CAP_NET_ADMIN is missing or the kernel has no TUN driver.
/// Source: the kernel's Documentation/networking/tuntap.rst, netdevice(7).
UniqueFd open_virtual_device(const VirtualDeviceSettings& settings);

}  // namespace lc::processor
