#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "common/filter/text_headers.h"
#include "common/filter/tls_hello.h"
#include "tests/unit/filter/filters.h"

using namespace lc;
using namespace lc::filter;
using namespace lc::filter::test;
using namespace std::string_literals;

namespace {

bool http(FilterType type, const std::string& pattern, const std::string& head) {
  return is_match(type, pattern,
                  [&](const FilterSet& set, Matches& matches) { set.match_http(bytes_of(head), matches); });
}

bool mail(FilterType type, const std::string& pattern, const std::string& line) {
  return is_match(type, pattern,
                  [&](const FilterSet& set, Matches& matches) { set.match_mail(bytes_of(line), matches); });
}

bool dns(const std::string& pattern, const std::string& message) {
  return is_match(FilterType::kDnsDomain, pattern,
                  [&](const FilterSet& set, Matches& matches) { set.match_dns(bytes_of(message), matches); });
}

}  // namespace

TEST_CASE("DNS names are compared in queries and responses, with all questions", "[content_match]") {
  const std::string header = "\x12\x34\x01\0\0\x01\0\0\0\0\0\0"s;
  const std::string query = header + "\x03www\x07"s + "Example\x03" + "com\0\0\x01\0\x01"s;
  CHECK(dns("www.example.com", query));
  CHECK(dns("www.example.com.", query));
  CHECK(dns("*.example.com", query));
  CHECK_FALSE(dns("example.com", query));
  CHECK_FALSE(dns("*.example.org", query));
  std::string response = query;
  response[2] = '\x81';
  CHECK(dns("*.EXAMPLE.com", response));
  // The second question points into the first one's name (RFC 1035 section 4.1.4).
  std::string two = query + "\x04mail\xc0\x10\0\x01\0\x01"s;
  two[5] = 2;
  CHECK(dns("mail.example.com", two));
  CHECK(dns("www.example.com", two));
  // One that points at itself, and one that is cut off.
  CHECK_FALSE(dns("*", header + "\xc0\x0c\0\x01\0\x01"s));
  CHECK_FALSE(dns("*", query.substr(0, 20)));
  CHECK_FALSE(dns("*", header));
}

TEST_CASE("An HTTP host is that of the target or of the Host header, without port", "[content_match]") {
  const std::string head = "GET /index.html?q=1 HTTP/1.1\r\nAccept: */*\r\nhOST:  WWW.Example.com:8080 \r\n\r\n";
  CHECK(http(FilterType::kHttpHost, "www.example.com", head));
  CHECK(http(FilterType::kHttpHost, "*.example.com", head));
  CHECK_FALSE(http(FilterType::kHttpHost, "example.com", head));
  CHECK(http(FilterType::kHttpUrl, "/index.html*", head));
  CHECK(http(FilterType::kHttpUrl, "/INDEX.html?q=1", head));
  CHECK_FALSE(http(FilterType::kHttpUrl, "/index.html", head));
  const std::string absolute = "POST http://user@a.example:80/x HTTP/1.1\r\nHost: b.example\r\n\r\n";
  CHECK(http(FilterType::kHttpHost, "a.example", absolute));
  CHECK_FALSE(http(FilterType::kHttpHost, "b.example", absolute));
  CHECK(http(FilterType::kHttpUrl, "http://*/x", absolute));
  CHECK(http(FilterType::kHttpHost, "c.example", "CONNECT c.example:443 HTTP/1.1\r\n\r\n"));
  CHECK(http(FilterType::kHttpHost, "[2001:db8::1]", "GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n"));
  CHECK_FALSE(http(FilterType::kHttpHost, "*", "GET / HTTP/1.0\r\n\r\nHost: body.example\r\n"));
  CHECK_FALSE(http(FilterType::kHttpUrl, "*", "OPTIONS sip:a@b SIP/2.0\r\n\r\n"));
}

TEST_CASE("Mail addresses are found in commands and headers", "[content_match]") {
  const auto address = [](const std::string& pattern, const std::string& line) {
    return mail(FilterType::kEmailAddress, pattern, line);
  };
  CHECK(address("bob@example.com", "MAIL FROM:<Bob@Example.com> SIZE=100\r\n"));
  CHECK(address("*@example.com", "rcpt to: <bob@example.com>\r\n"));
  CHECK_FALSE(address("*", "MAIL FROM:<>\r\n"));
  const std::string to = "To: \"x@y.example\" <a@b.example>,\r\n c@d.example (e), f@g.example\r\n";
  CHECK(address("a@b.example", to));
  CHECK(address("c@d.example", to));
  CHECK(address("f@g.example", to));
  CHECK_FALSE(address("x@y.example", to));  // a display name
  CHECK_FALSE(address("a@b.example", "Cc: a@b.example\r\n"));
  CHECK_FALSE(address("a@b.example", "Subject: a@b.example\r\n"));
}

TEST_CASE("A mail's subject is compared unfolded and decoded", "[content_match]") {
  const auto subject = [](const std::string& pattern, const std::string& line) {
    return mail(FilterType::kEmailSubject, pattern, line);
  };
  CHECK(subject("your invoice", "Subject: Your\r\n invoice\r\n"));
  CHECK(subject("*invoice*", "subject: An Invoice for you\r\n"));
  CHECK_FALSE(subject("invoice", "Subject: An invoice\r\n"));
  // Examples of RFC 2047 section 8, and the text "Grüße" by other programs (python3's email.header).
  CHECK(subject("ab", "Subject: =?UTF-8?Q?a?= =?UTF-8?Q?b?=\r\n"));
  CHECK(subject("a b", "Subject: =?UTF-8?Q?a_b?=\r\n"));
  CHECK(
      subject("Gr\xc3\xbc\xc3\x9f"
              "e",
              "Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\n"));
  CHECK(
      subject("Re: Gr\xc3\xbc\xc3\x9f"
              "e an",
              "Subject: Re: =?utf-8?q?Gr=C3=BC=C3=9Fe?= an\r\n"));
  CHECK(subject("=?koi8-r?b?+OHn?=", "Subject: =?koi8-r?B?+OHn?=\r\n"));  // as it stands
  CHECK(subject("=?utf-8?b?", "Subject: =?utf-8?b?\r\n"));
}

TEST_CASE("JA4 is computed as its authors' example shows", "[content_match]") {
  // https://github.com/FoxIO-LLC/ja4/blob/main/technical_details/JA4.md: lists in any order, for JA4 sorts them.
  TlsHello hello;
  hello.is_client = true;
  hello.legacy_version = 0x0303;
  hello.versions = {0x2a2a, 0x0304, 0x0303};
  hello.ciphers = {0x9a9a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030,
                   0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035};
  hello.extensions = {0x3a3a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d,
                      0x0005, 0x0023, 0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015, 0x8a8a};
  hello.signature_algorithms = {0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601};
  hello.has_server_name = true;
  hello.first_protocol = "h2";
  CHECK(ja4(hello) == "t13d1516h2_8daaf6152771_e5627efa2ab1");
  hello.has_server_name = false;
  hello.first_protocol =
      "\xab"
      "x\xcd";
  hello.versions.clear();
  CHECK(ja4(hello).starts_with("t12i1516ad_8daaf6152771_"));
  hello.ciphers.clear();
  hello.extensions.clear();
  hello.first_protocol.clear();
  CHECK(ja4(hello) == "t12i000000_000000000000_000000000000");
}
