// Real captures, with tshark's dissectors as the judge of what their packets say.
#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/filter/dns_name.h"
#include "common/filter/text_headers.h"
#include "common/filter/tls_hello.h"
#include "tests/unit/capture/capture_judges.h"
#include "tests/unit/capture/shared_captures.h"
#include "tests/unit/filter/filters.h"

using namespace lc;
using namespace lc::filter;
using namespace lc::filter::test;
using capture::test::lines_of;
using capture::test::run;
using capture::test::shared_captures;
using capture::test::unhex;

namespace {

std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields;
  std::size_t begin = 0;
  for (std::size_t tab = 0; (tab = line.find('\t', begin)) != std::string::npos; begin = tab + 1) {
    fields.push_back(line.substr(begin, tab - begin));
  }
  fields.push_back(line.substr(begin));
  return fields;
}

std::vector<std::vector<std::string>> tshark_rows(const std::string& path, const std::string& filter,
                                                  const std::string& fields) {
  std::vector<std::vector<std::string>> rows;
  const auto outcome = run("tshark -r " + path + " -Y '" + filter + "' -T fields " + fields + " 2>/dev/null");
  for (const std::string& line : lines_of(outcome.text)) rows.push_back(fields_of(line));
  return rows;
}

bool is_tls_capture(const std::string& name) {
  return name == "mix-iphone-dns-http-tls.pcap" || name == "pcapng-eleven-interfaces.pcapng";
}

}  // namespace

TEST_CASE("Server names and JA3 fingerprints of real hellos are those of tshark", "[capture_content]") {
  std::size_t clients = 0;
  std::size_t servers = 0;
  for (const auto& capture : shared_captures()) {
    if (!is_tls_capture(capture.name)) continue;
    for (const auto& row : tshark_rows(capture.path, "tls.handshake.type in {1,2} and tcp",
                                       "-e tcp.payload -e tls.handshake.type -e tls.handshake.extensions_server_name "
                                       "-e tls.handshake.ja3 -e tls.handshake.ja3s -e tls.handshake.ja3_full")) {
      REQUIRE(row.size() == 6);
      const std::string payload = unhex(row[0]);
      std::vector<std::uint8_t> message;
      TlsHello hello;
      if (read_tls_records(bytes_of(payload), &message).state != TlsRecords::State::kWhole) continue;  // goes on
      REQUIRE(parse_tls_hello(message, hello));
      CHECK(hello.is_client == (row[1].front() == '1'));
      CHECK(hello.server_name == row[2]);
      CHECK(ja3(hello) == (hello.is_client ? row[3] : row[4]));
      if (hello.is_client) CHECK(ja3_text(hello) == row[5]);
      ++(hello.is_client ? clients : servers);

      const auto match = [&](const FilterSet& set, Matches& matches) { set.match_tls(bytes_of(payload), matches); };
      if (hello.is_client) {
        CHECK(is_match(FilterType::kTlsSni, row[2], match));
        CHECK(is_match(FilterType::kTlsSni, "*.com", match));
        CHECK_FALSE(is_match(FilterType::kTlsSni, "*.org", match));
        CHECK(is_match(FilterType::kTlsJa3, row[3], match));
        CHECK_FALSE(is_match(FilterType::kTlsJa3s, row[3], match));
        CHECK(is_match(FilterType::kTlsJa4, ja4(hello), match));
      } else {
        CHECK(is_match(FilterType::kTlsJa3s, row[4], match));
        CHECK_FALSE(is_match(FilterType::kTlsJa3, row[4], match));
      }
      // Cut anywhere, it is no hello.
      for (std::size_t size = 0; size < payload.size(); size += 7) {
        const std::string cut = payload.substr(0, size);
        if (read_tls_records(bytes_of(cut), nullptr).state == TlsRecords::State::kWhole) break;
        Matches matches;
        set_of(FilterType::kTlsSni, "*")->match_tls(bytes_of(cut), matches);
        CHECK(matches.empty());
      }
    }
  }
  if (!shared_captures().empty()) {
    CHECK(clients > 10);
    CHECK(servers > 5);
  }
}

TEST_CASE("DNS names and HTTP requests of real packets are those of tshark", "[capture_content]") {
  std::size_t names = 0;
  std::size_t requests = 0;
  for (const auto& capture : shared_captures()) {
    if (capture.name.starts_with("bad-")) continue;
    if (capture.name.starts_with("mix-") || capture.name.starts_with("vxlan-")) {
      for (const auto& row :
           tshark_rows(capture.path, "dns and udp and not icmp and not icmpv6", "-e udp.payload -e dns.qry.name")) {
        if (row[0].empty() || row[0].find(',') != std::string::npos) continue;  // a tunnel's and its inner payload
        const std::string payload = unhex(row[0]);
        DnsQuestions questions(bytes_of(payload));
        std::string joined;
        while (const auto name = questions.next()) joined += (joined.empty() ? "" : ",") + std::string(*name);
        CHECK(joined == row[1]);
        ++names;
      }
    }
    if (capture.name.starts_with("mix-") || capture.name.starts_with("pcap-sll2")) {
      for (const auto& row :
           tshark_rows(capture.path, "http.request and tcp", "-e tcp.payload -e http.host -e http.request.uri")) {
        const std::string payload = unhex(row[0]);
        HttpRequest request;
        REQUIRE(parse_http_request(payload, request));
        CHECK(request.host == row[1]);
        CHECK(request.target == row[2]);
        ++requests;
      }
    }
  }
  if (!shared_captures().empty()) {
    CHECK(names > 30);
    CHECK(requests > 1);
  }
}
