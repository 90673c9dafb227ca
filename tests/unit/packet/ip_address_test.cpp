#include "common/packet/ip_address.h"

#include <catch2/catch.hpp>
#include <initializer_list>
#include <string_view>
#include <utility>

using lc::packet::IpAddress;

TEST_CASE("Addresses are read and written as RFC 4291 and RFC 5952 have them", "[ip_address]") {
  // RFC 4291 section 2.2 and RFC 5952 sections 2 and 4: many spellings, one canonical text.
  for (const auto& [in, out] : std::initializer_list<std::pair<const char*, const char*>>{
           {"192.0.2.1", "192.0.2.1"},
           {"2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"},
           {"FF01:0:0:0:0:0:0:101", "ff01::101"},
           {"0:0:0:0:0:0:0:1", "::1"},
           {"::", "::"},
           {"2001:0db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
           {"0:0:0:0:0:FFFF:129.144.52.38", "::ffff:129.144.52.38"}}) {
    const auto address = IpAddress::parse(in);
    REQUIRE(address.ok());
    CHECK(address->text() == out);
  }
  using namespace std::string_view_literals;
  for (const std::string_view bad :
       {""sv, "1.2.3"sv, "1.2.3.256"sv, "1.2.3.4/24"sv, "::1%eth0"sv, "1::2::3"sv, "localhost"sv, "1.2.3.4\0x"sv}) {
    const auto address = IpAddress::parse(bad);
    REQUIRE_FALSE(address.ok());
    CHECK(address.error().code == lc::Code::kInvalidArgument);
  }
  CHECK(IpAddress().text().empty());
}

TEST_CASE("Addresses are equal only within a family and order by their bytes", "[ip_address]") {
  CHECK(*IpAddress::parse("10.0.0.1") == *IpAddress::parse("10.0.0.1"));
  CHECK(*IpAddress::parse("10.0.0.1") != *IpAddress::parse("a00:1::"));
  CHECK(*IpAddress::parse("10.0.0.1") != *IpAddress::parse("::ffff:10.0.0.1"));
  CHECK(*IpAddress::parse("9.255.0.0") < *IpAddress::parse("10.0.0.0"));
  CHECK(*IpAddress::parse("255.0.0.0") < *IpAddress::parse("::1"));
}
