#include "tests/bench/packet_socket.h"

#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

namespace lc::bench {

UniqueFd open_packet_socket(const std::string& interface) {
  const auto check = [&](bool good, const char* what) {
    if (!good) throw std::system_error(errno, std::generic_category(), interface + ": " + what);
  };
  // Protocol 0: it receives nothing, so the kernel makes no copies for it.
  UniqueFd fd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  check(static_cast<bool>(fd), "packet socket");
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
  check(address.sll_ifindex != 0, "no such interface");
  check(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "bind");
  const int on = 1;
  check(setsockopt(fd.get(), SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on) == 0, "PACKET_QDISC_BYPASS");
  return fd;
}

}  // namespace lc::bench
