#include "common/filter/address_match.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

using namespace lc;
using namespace lc::filter;
using packet::IpAddress;

namespace {

Matches matches_of(const std::vector<std::string>& networks, const std::string& address) {
  std::vector<AddressMatcher::Pattern> patterns;
  for (std::uint32_t i = 0; i < networks.size(); ++i) patterns.push_back({*parse_network(networks[i]), i});
  const AddressMatcher matcher(std::move(patterns));
  Matches matches;
  matcher.match(*IpAddress::parse(address), matches);
  return matches;
}

std::string refusal(std::string_view pattern) {
  const Result<Network> network = parse_network(pattern);
  return network ? "accepted" : network.error().text;
}

/// Bit by bit.
bool naive_has(const Network& network, const IpAddress& address) {
  if (network.address.family() != address.family()) return false;
  for (unsigned bit = 0; bit < network.prefix_bits; ++bit) {
    const unsigned mask = 0x80U >> (bit % 8);
    if ((network.address.bytes()[bit / 8] & mask) != (address.bytes()[bit / 8] & mask)) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("All networks that have an address match, the widest too", "[address_match]") {
  const std::vector<std::string> networks = {"10.1.2.3", "10.0.0.0/8",    "0.0.0.0/0",   "10.1.2.0/24", "192.0.2.1",
                                             "::/0",     "2001:db8::/32", "2001:db8::1", "10.1.2.3/32", "10.1.2.2/31"};
  CHECK(matches_of(networks, "10.1.2.3") == Matches{0, 1, 2, 3, 8, 9});
  CHECK(matches_of(networks, "10.9.9.9") == Matches{1, 2});
  CHECK(matches_of(networks, "2001:db8::1") == Matches{5, 6, 7});
  CHECK(matches_of(networks, "2001:db9::1") == Matches{5});
}

TEST_CASE("An IPv4-mapped address is the IPv4 address, in the filter and in the packet", "[address_match]") {
  CHECK(matches_of({"::ffff:10.1.2.3", "10.1.2.3", "::ffff:10.0.0.0/104", "::/0"}, "10.1.2.3") == Matches{0, 1, 2});
  CHECK(matches_of({"::ffff:10.1.2.3", "10.1.2.3", "::ffff:10.0.0.0/104", "::/0"}, "::ffff:10.1.2.3") ==
        Matches{0, 1, 2});
}

TEST_CASE("What is no address or network is refused with position and remedy", "[address_match]") {
  CHECK(refusal("10.1.2") == "position 1: not an IPv4 or IPv6 address, nor one with /BITS behind it");
  CHECK(refusal("host") == "position 1: not an IPv4 or IPv6 address, nor one with /BITS behind it");
  CHECK(refusal("10.0.0.0/33") == "position 10: a prefix length is a number up to 32");
  CHECK(refusal("10.0.0.0/") == "position 10: a prefix length is a number up to 32");
  CHECK(refusal("::/129") == "position 4: a prefix length is a number up to 128");
  CHECK(refusal("::/1x") == "position 4: a prefix length is a number up to 128");
  CHECK(refusal("10.1.2.3/8") ==
        "position 1: there are bits behind the prefix: write 10.0.0.0/8 for the network, or the address alone");
  CHECK(refusal("2001:db8::1/33") ==
        "position 1: there are bits behind the prefix: write 2001:db8::/33 for the network, or the address alone");
}

TEST_CASE("Addresses are found in random networks as by comparing bit by bit", "[address_match]") {
  std::mt19937 random(10);
  std::vector<AddressMatcher::Pattern> patterns;
  std::vector<IpAddress> addresses;
  const auto random_address = [&] {
    std::array<std::uint8_t, 16> bytes{};
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random() % 4);  // so that much matches
    return random() % 2 == 0 ? IpAddress(std::span(bytes).first<4>()) : IpAddress(std::span(std::as_const(bytes)));
  };
  while (patterns.size() < 3000) {
    const IpAddress address = random_address();
    const unsigned bits = static_cast<unsigned>(random() % (8 * address.bytes().size() + 1));
    std::string text = address.text() + "/" + std::to_string(bits);
    Result<Network> network = parse_network(text);
    if (!network) {  // takes the remedy
      const std::string& why = network.error().text;
      const std::size_t begin = why.find("write ") + 6;
      network = parse_network(why.substr(begin, why.find(' ', begin) - begin));
    }
    REQUIRE(network);
    patterns.push_back({*network, static_cast<std::uint32_t>(patterns.size())});
  }
  const AddressMatcher matcher(patterns);
  std::size_t found = 0;
  for (int i = 0; i < 1000; ++i) {
    const IpAddress address = i % 2 == 0 ? random_address() : patterns[random() % patterns.size()].network.address;
    Matches expected;
    for (const auto& [network, id] : patterns) {
      if (naive_has(network, address)) expected.push_back(id);
    }
    Matches matches;
    matcher.match(address, matches);
    REQUIRE(matches == expected);
    found += matches.size();
  }
  CHECK(found > 10'000);
}
