#include "common/capture/own_connections.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace lc::capture {
namespace {

struct End {
  std::string address;
  std::uint16_t port = 0;
};

std::string as_text(int family, const void* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(family, address, text.data(), text.size());
  return text.data();
}

std::optional<End> as_end(const sockaddr_storage& storage) {
  if (storage.ss_family == AF_INET) {
    sockaddr_in ip{};
    std::memcpy(&ip, &storage, sizeof ip);
    return End{as_text(AF_INET, &ip.sin_addr), ntohs(ip.sin_port)};
  }
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 ip{};
    std::memcpy(&ip, &storage, sizeof ip);
    // What is mapped here is plain IPv4 on the wire.
    return IN6_IS_ADDR_V4MAPPED(&ip.sin6_addr) ? End{as_text(AF_INET, ip.sin6_addr.s6_addr + 12), ntohs(ip.sin6_port)}
                                               : End{as_text(AF_INET6, &ip.sin6_addr), ntohs(ip.sin6_port)};
  }
  return std::nullopt;
}

template <typename Function>
std::optional<End> end_of(int fd, Function&& name) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (name(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return std::nullopt;
  return as_end(storage);
}

}  // namespace

std::vector<Connection> own_connections(int remote_port) {
  std::vector<Connection> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
    const std::string name = entry.path().filename();
    int fd = -1;
    std::from_chars(name.data(), name.data() + name.size(), fd);
    const std::optional<End> remote = end_of(fd, ::getpeername);
    if (!remote || remote->port != remote_port) continue;
    if (const std::optional<End> local = end_of(fd, ::getsockname)) {
      found.push_back({local->address, local->port, remote->address, remote->port});
    }
  }
  return found;
}

std::vector<Connection> own_listener(const std::string& host, std::uint16_t port) {
  in_addr v4{};
  in6_addr v6{};
  const bool is_v4 = ::inet_pton(AF_INET, host.c_str(), &v4) == 1 && v4.s_addr != INADDR_ANY;
  const bool is_v6 = ::inet_pton(AF_INET6, host.c_str(), &v6) == 1 && !IN6_IS_ADDR_UNSPECIFIED(&v6);
  if (is_v4 || is_v6) return {{host, port, {}, 0}};
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return {};
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> guard(first, ::freeifaddrs);
  std::vector<Connection> found;
  for (const ifaddrs* entry = first; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr) continue;
    sockaddr_storage storage{};
    const int family = entry->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    std::memcpy(&storage, entry->ifa_addr, family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    if (const std::optional<End> own = as_end(storage)) found.push_back({own->address, port, {}, 0});
  }
  return found;
}

}  // namespace lc::capture
