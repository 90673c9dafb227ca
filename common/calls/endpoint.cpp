#include "common/calls/endpoint.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <random>

#include "common/base/text.h"

namespace lc::calls {

const std::uint64_t EndpointHash::kSeed = std::random_device{}();

packet::IpAddress unmapped(const packet::IpAddress& address) {
  static constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const auto bytes = address.bytes();
  if (bytes.size() != 16 || !std::equal(kMapped.begin(), kMapped.end(), bytes.begin())) return address;
  return packet::IpAddress(bytes.subspan<12, 4>());
}

void unmap(sip::Sdp& sdp) {
  for (sip::Media& media : sdp.media) {
    media.address = unmapped(media.address);
    media.rtcp_address = unmapped(media.rtcp_address);
  }
}

std::string text_of(const Endpoint& endpoint) {
  const bool v6 = endpoint.address.family() == packet::IpAddress::Family::kV6;
  const std::string address = endpoint.address.text();
  return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(endpoint.port);
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  const Error bad{Code::kInvalidArgument, quoted(text) + " is not ADDRESS:PORT or [ADDRESS]:PORT"};
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad;
  std::string_view host = text.substr(0, colon);
  const std::string_view number = text.substr(colon + 1);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const Result<packet::IpAddress> address = packet::IpAddress::parse(host);
  if (!address || (address->family() == packet::IpAddress::Family::kV6) != bracketed) return bad;
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), port);
  if (error != std::errc() || end != number.data() + number.size() || port == 0) return bad;
  return Endpoint{*address, port};
}

}  // namespace lc::calls
