#include "common/packet/ip_address.h"

#include <arpa/inet.h>

#include "common/base/text.h"

namespace lc::packet {

Result<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string terminated(text);
  std::array<std::uint8_t, 16> bytes{};
  // inet_pton would read an address with something behind an embedded zero as that address.
  if (terminated.find('\0') == std::string::npos) {
    if (::inet_pton(AF_INET, terminated.c_str(), bytes.data()) == 1) return IpAddress(std::span(bytes).first<4>());
    if (::inet_pton(AF_INET6, terminated.c_str(), bytes.data()) == 1) return IpAddress(std::span(bytes));
  }
  return Error{Code::kInvalidArgument, "not an IPv4 or IPv6 address: " + quoted(text)};
}

std::string IpAddress::text() const {
  if (family_ == Family::kNone) return {};
  std::array<char, INET6_ADDRSTRLEN> out{};
  ::inet_ntop(family_ == Family::kV4 ? AF_INET : AF_INET6, bytes_.data(), out.data(), out.size());
  return out.data();
}

}  // namespace lc::packet
