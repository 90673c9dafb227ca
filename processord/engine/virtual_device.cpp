// Packets that were sent elsewhere must mean nothing to this host, or it would answer them, or forward them:
// - IPv4: without an address on the device, its reverse path filter refuses every source (fib_validate_source(), any
//   value but 0), except 0.0.0.0 of a DHCP client.
// - ARP: IFF_NOARP. IPv6: off, which also keeps router solicitations and the like from showing up among the packets.
// - Without IFF_MULTICAST nobody joins a group there.
#include "processord/engine/virtual_device.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "common/base/exit_code.h"
#include "common/base/log.h"
#include "common/base/text.h"

namespace lc::processor {
namespace {

constexpr const char* kTunPath = "/dev/net/tun";

bool allowed(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

[[noreturn]] void refuse(ExitCode code, const std::string& name, const std::string& why) {
  throw StartError(code, "cannot make the virtual interface " + quoted(name) + ": " + why);
}

UniqueFd open_tun(const std::string& name) {
  UniqueFd fd(::open(kTunPath, O_RDWR | O_CLOEXEC));
  if (fd) return fd;
  const std::string what = std::string(kTunPath) + ": " + errno_text(errno);
  if (errno == EACCES || errno == EPERM) {
    refuse(ExitCode::kNoPermission, name, what + " (run as root, or let this user read and write it)");
  }
  refuse(ExitCode::kUnavailable, name,
         what + " (load the kernel module with modprobe tun; in a container, let it have the device)");
}

ifreq request_for(const std::string& name) {
  ifreq request{};
  name.copy(static_cast<char*>(request.ifr_name), sizeof request.ifr_name - 1);
  return request;
}

void create(int tun, const VirtualDeviceSettings& settings) {
  ifreq request = request_for(settings.name);
  const int kind = settings.type == VirtualInterfaceType::kTap ? IFF_TAP : IFF_TUN;
  request.ifr_flags = static_cast<short>(kind | IFF_NO_PI | IFF_TUN_EXCL);
  if (::ioctl(tun, TUNSETIFF, &request) == 0) return;
  switch (errno) {
    case EPERM:
      refuse(ExitCode::kNoPermission, settings.name,
             "needs CAP_NET_ADMIN (run as root, or with AmbientCapabilities=CAP_NET_ADMIN in the systemd unit, or "
             "setcap cap_net_admin+ep on the binary)");
    case EBUSY:
      refuse(ExitCode::kBadConfig, settings.name, "there is an interface of that name; choose another --vif-name");
    default:
      refuse(ExitCode::kFailure, settings.name, errno_text(errno));
  }
}

bool set(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return fd && ::write(fd.get(), "1", 1) == 1;
}

void keep_from_host(const std::string& name) {
  const std::string ipv6 = "/proc/sys/net/ipv6/conf/" + name;
  const bool no_ipv6 = ::access(ipv6.c_str(), F_OK) != 0 || set(ipv6 + "/disable_ipv6");
  if (set("/proc/sys/net/ipv4/conf/" + name + "/rp_filter") && no_ipv6) return;
  log::warning("this host's own network stack may take notice of injected packets: /proc/sys can't be written",
               {{"interface", name}});
}

void bring_up(const VirtualDeviceSettings& settings) {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request = request_for(settings.name);
  request.ifr_mtu = static_cast<int>(kMaxVirtualFrameBytes -
                                     (settings.type == VirtualInterfaceType::kTap ? VirtualFrame::kHeaderBytes : 0));
  if (::ioctl(socket.get(), SIOCSIFMTU, &request) != 0) {
    refuse(ExitCode::kFailure, settings.name, "its MTU can't be set: " + errno_text(errno));
  }
  request.ifr_flags = IFF_UP | IFF_NOARP;
  if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) {
    refuse(ExitCode::kFailure, settings.name, "it can't be brought up: " + errno_text(errno));
  }
}

}  // namespace

Status check_interface_name(const std::string& name) {
  if (name.empty() || name.size() >= IFNAMSIZ || !std::all_of(name.begin(), name.end(), allowed) || name == "." ||
      name == "..") {
    return Error{Code::kInvalidArgument, "virtual interface (--vif-name): " + quoted(name) +
                                             " is not 1 to 15 characters of letters, digits, '.', '_' and '-'"};
  }
  // In /proc/sys/net these stand for every interface of the host.
  if (name == "all" || name == "default") {
    return Error{Code::kInvalidArgument, "virtual interface (--vif-name): " + quoted(name) + " is a reserved name"};
  }
  return {};
}

UniqueFd open_virtual_device(const VirtualDeviceSettings& settings) {
  UniqueFd tun = open_tun(settings.name);
  create(tun.get(), settings);
  keep_from_host(settings.name);
  bring_up(settings);
  log::info("virtual interface up",
            {{"interface", settings.name}, {"type", settings.type == VirtualInterfaceType::kTap ? "tap" : "tun"}});
  return tun;
}

}  // namespace lc::processor
