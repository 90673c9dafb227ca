#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/filter/filters.h"

using namespace lc;
using namespace lc::filter;
using namespace lc::filter::test;

TEST_CASE("A pattern that could not work is refused, with filter, type and position", "[filter_check]") {
  const std::string ja4 = "t13d1516h2_8daaf6152771_b186095e22b6";
  const std::vector<std::pair<fleet::Filter, std::string>> refused = {
      {make_filter(FilterType::kPhoneNumber, "12a4"),
       R"(FILTER_PHONE_NUMBER pattern "12a4": position 3: 'a' is not a digit, a blank, +, -, ., ( ) or *)"},
      {make_filter(FilterType::kPhoneNumber, "00*"),
       R"(FILTER_PHONE_NUMBER pattern "00*": position 3: the 00 before this * is left out: write digits that follow it)"},
      {make_filter(FilterType::kPhoneNumber, "+-"),
       R"(FILTER_PHONE_NUMBER pattern "+-": position 1: no digit and no *)"},
      {make_filter(FilterType::kSipUser, ""), R"(FILTER_SIP_USER pattern "": it is empty)"},
      {make_filter(FilterType::kSipUser, R"(a\b)"),
       R"(FILTER_SIP_USER pattern "a\\b": position 2: a backslash stands only before * or another backslash)"},
      {make_filter(FilterType::kSipUser, "a\tb"),
       R"(FILTER_SIP_USER pattern "a\x09b": position 2: a control character)"},
      {make_filter(FilterType::kSipUri, "SIP:bob@b.example"),
       R"(FILTER_SIP_URI pattern "SIP:bob@b.example": position 1: leave out the sip:)"},
      {make_filter(FilterType::kSipUri, "bob"),
       R"(FILTER_SIP_URI pattern "bob": position 4: it ends without @ or *: write user@domain, or *@domain for all its users)"},
      {make_filter(FilterType::kIpAddress, "10.0.0.1/8"),
       R"(FILTER_IP_ADDRESS pattern "10.0.0.1/8": position 1: there are bits behind the prefix: write 10.0.0.0/8 for the network, or the address alone)"},
      {make_filter(FilterType::kCodec, "PCMU/8000"),
       R"(FILTER_CODEC pattern "PCMU/8000": position 5: '/' is not a character of an encoding name such as PCMU, telephone-event or AMR*)"},
      {make_filter(FilterType::kBpf, "tcp prot 80"),
       R"(FILTER_BPF pattern "tcp prot 80": bad BPF filter "tcp prot 80": syntax error)"},
      {make_filter(FilterType::kImsi, "26201*"), R"(FILTER_IMSI pattern "26201*": position 6: '*' is not a digit)"},
      {make_filter(FilterType::kImei, "1234567"),
       R"(FILTER_IMEI pattern "1234567": position 8: it ends after 7 characters, not 14 or 15 digits)"},
      {make_filter(FilterType::kTlsJa3, std::string(31, 'a').append("g")),
       R"(FILTER_TLS_JA3 pattern ")" + std::string(31, 'a') + R"(g": position 32: 'g' is not a hexadecimal digit)"},
      {make_filter(FilterType::kTlsJa3s, "abc"),
       R"(FILTER_TLS_JA3S pattern "abc": position 4: it ends after 3 characters, not 32)"},
      {make_filter(FilterType::kTlsJa4, "t13x" + ja4.substr(4)),
       R"(FILTER_TLS_JA4 pattern "t13x)" + ja4.substr(4) +
           R"(": position 4: a JA4 of TLS over TCP has a form as t13d1516h2_8daaf6152771_b186095e22b6)"},
      {make_filter(FilterType::kTlsJa4, "t13d"),
       R"(FILTER_TLS_JA4 pattern "t13d": position 5: it ends after 4 characters, not 36)"},
      {make_filter(FilterType::kEmailAddress, "bob"),
       R"(FILTER_EMAIL_ADDRESS pattern "bob": position 4: it ends without @ or *: write name@domain, or *@domain for all its addresses)"},
      {make_filter(FilterType::kMediaEndpoint, "10.0.0.1"),
       R"(FILTER_MEDIA_ENDPOINT pattern "10.0.0.1": position 9: not ADDRESS:PORT or [ADDRESS]:PORT)"},
      {make_filter(FilterType::kMediaEndpoint, "10.0.0.1:70000"),
       R"(FILTER_MEDIA_ENDPOINT pattern "10.0.0.1:70000": position 10: not ADDRESS:PORT or [ADDRESS]:PORT)"},
      {make_filter(FilterType::kMediaEndpoint, "::1:5060"),
       R"(FILTER_MEDIA_ENDPOINT pattern "::1:5060": position 1: not ADDRESS:PORT or [ADDRESS]:PORT)"},
  };
  for (const auto& [filter, text] : refused) {
    INFO(filter.pattern);
    CHECK(refusal(filter) == R"(filter "f1": )" + text);
  }
}

TEST_CASE("Patterns have a bounded length, and a long one is not repeated whole", "[filter_check]") {
  CHECK(check(make_filter(FilterType::kSipUser, std::string(1024, 'a'))));
  CHECK(refusal(make_filter(FilterType::kSipUser, std::string(10'000, '*'))) ==
        R"(filter "f1": FILTER_SIP_USER pattern ")" + std::string(80, '*') +
            R"("...: it has 10000 bytes; at most 1024 are allowed)");
}

TEST_CASE("Patterns that work are accepted for every type", "[filter_check]") {
  const std::vector<std::pair<FilterType, std::string>> accepted = {
      {FilterType::kSipUser, "*"},
      {FilterType::kPhoneNumber, "+49 (30) 123-456"},
      {FilterType::kPhoneNumber, "*"},
      {FilterType::kIpAddress, "2001:db8::/32"},
      {FilterType::kCallId, "a84b4c76e66710@pc33.atlanta.example"},
      {FilterType::kCodec, "AMR*"},
      {FilterType::kBpf, "vlan and udp port 5060"},
      {FilterType::kSipUri, "*@example.com"},
      {FilterType::kDnsDomain, "*.example.com."},
      {FilterType::kEmailAddress, "*@example.com"},
      {FilterType::kEmailSubject, "*invoice*"},
      {FilterType::kTlsSni, "*.example.com"},
      {FilterType::kTlsJa3, "6FA3244AFC6BB6F9FAD207B6B52AF26B"},
      {FilterType::kTlsJa3s, "15af977ce25de452b96affa2addb1036"},
      {FilterType::kTlsJa4, "t13d1516h2_8daaf6152771_b186095e22b6"},
      {FilterType::kHttpHost, "*.example.com"},
      {FilterType::kHttpUrl, "/login*"},
      {FilterType::kImsi, "262011234567890"},
      {FilterType::kImei, "35209900176148"},
      {FilterType::kMediaEndpoint, "192.0.2.1:10000"},
      {FilterType::kMediaEndpoint, "[2001:db8::1]:10000"},
  };
  for (const auto& [type, pattern] : accepted) {
    INFO(pattern);
    CHECK(check(make_filter(type, pattern)));
    CHECK(FilterSet::compile({make_filter(type, pattern)}, 1, 1));
  }
}

TEST_CASE("What stands beside the pattern is checked as well", "[filter_check]") {
  const fleet::Filter good = make_filter(FilterType::kSipUser, "alice");
  fleet::Filter filter = good;
  filter.id = "a b";
  CHECK(refusal(filter) == R"(a filter's id must be 1 to 64 characters of A-Z a-z 0-9 . _ -, not "a b")");
  filter = good;
  filter.type = static_cast<FilterType>(42);
  CHECK(refusal(filter) == R"(filter "f1": type 42 is unknown here)");
  filter = good;
  filter.action = static_cast<fleet::CaptureAction>(9);
  CHECK(refusal(filter) == R"(filter "f1": action 9 is unknown here)");
  filter = good;
  filter.target_hunters = {"h1", "h/2"};
  CHECK(refusal(filter) ==
        R"(filter "f1": a target hunter's id must be 1 to 64 characters of A-Z a-z 0-9 . _ -, not "h/2")");
  filter = good;
  filter.description = std::string(1025, 'x');
  CHECK(refusal(filter) == R"(filter "f1": its description has 1025 bytes; at most 1024 are allowed)");
  filter = good;
  filter.expires_at_ns = -1;
  CHECK(check(filter).error().text == R"(filter "f1": it expires before 1970)");
}
