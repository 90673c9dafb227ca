#include "common/filter/filter_set.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/unit/filter/filters.h"

using namespace lc;
using namespace lc::filter;
using namespace lc::filter::test;

namespace {

const std::string kInvite =
    "INVITE sip:Bob@biloxi.example:5070;transport=udp SIP/2.0\r\n"
    "Via: SIP/2.0/UDP pc33.atlanta.example;branch=z9hG4bK776asdhds\r\n"
    "To: Bob <sip:bob@biloxi.example>\r\n"
    "From: \"Alice\" <sip:Alice.Smith:secret@atlanta.example;user=phone>;tag=1928301774\r\n"
    "i: A84b4c76e66710@pc33.atlanta.example\r\n"
    "CSeq: 314159 INVITE\r\n"
    "P-Asserted-Identity: <tel:+1-201-555-0123;ext=5>\r\n"
    "P-Asserted-Identity: <sip:262011234567890@ims.mnc001.mcc262.example>\r\n"
    "P-Preferred-Identity: <sip:%2B4930123456@atlanta.example>\r\n"
    "P-Called-Party-ID: <sip:00442079460000@biloxi.example;user=phone>\r\n"
    "Contact: <sip:desk-7@192.0.2.4:5062>;+sip.instance=\"<urn:gsma:imei:35209900-176148-0>\"\r\n"
    "Content-Length: 0\r\n\r\n";

std::string registering(const std::string& authorization) {
  return "REGISTER sip:ims.example SIP/2.0\r\nCall-ID: r1\r\nCSeq: 1 REGISTER\r\nAuthorization: " + authorization +
         "\r\nContent-Length: 0\r\n\r\n";
}

bool finds(FilterType type, const std::string& pattern, const std::string& text = kInvite) {
  sip::Message message;
  REQUIRE(sip::parse_message(bytes_of(text), message));
  return is_match(type, pattern, [&](const FilterSet& set, Matches& matches) { set.match_sip(message, matches); });
}

}  // namespace

TEST_CASE("A SIP user is looked for in every header that names one", "[filter_set]") {
  const auto user = [](const std::string& pattern) { return finds(FilterType::kSipUser, pattern); };
  CHECK(user("bob"));
  CHECK(user("alice"));  // without a star: anywhere in the user
  CHECK(user("ALICE.smith"));
  CHECK(user("desk-"));      // Contact
  CHECK(user("+1-201*"));    // tel:
  CHECK(user("0044*0000"));  // P-Called-Party-ID
  CHECK(user("*smith"));
  CHECK_FALSE(user("alice*x"));
  CHECK_FALSE(user("ob*x"));
  CHECK_FALSE(user("atlanta"));  // not a user
  CHECK_FALSE(user("secret"));
  CHECK_FALSE(user("*alice"));
}

TEST_CASE("A SIP URI is compared without port and parameters", "[filter_set]") {
  const auto uri = [](const std::string& pattern) { return finds(FilterType::kSipUri, pattern); };
  CHECK(uri("bob@biloxi.example"));
  CHECK(uri("BOB@BILOXI.example"));
  CHECK(uri("alice.smith@atlanta.example"));
  CHECK(uri("*@atlanta.example"));
  CHECK(uri("desk-7@192.0.2.4"));
  CHECK(uri("bob@*"));
  CHECK_FALSE(uri("bob@biloxi"));
  CHECK_FALSE(uri("ob@biloxi.example"));
  CHECK_FALSE(uri("alice@atlanta.example"));
  CHECK_FALSE(uri("*@pc33.atlanta.example"));  // Via and Call-ID are no identities
}

TEST_CASE("A phone number is found however either side writes it", "[filter_set]") {
  const auto number = [](const std::string& pattern) { return finds(FilterType::kPhoneNumber, pattern); };
  CHECK(number("+12015550123"));
  CHECK(number("0012015550123"));
  CHECK(number("01112015550123"));
  CHECK(number("(201) 555-0123"));  // the end of it
  CHECK(number("50123"));
  CHECK_FALSE(number("0123"));  // fewer than five digits: only the whole number
  CHECK_FALSE(number("5550124"));
  CHECK(number("+49 30*"));
  CHECK(number("4930123456"));
  CHECK(number("+44 20 7946 0000"));
  CHECK(number("*0000"));
  CHECK(number("44*0000"));
  CHECK_FALSE(number("7*"));  // desk-7 is no number
  CHECK(number("262011234567890"));
  CHECK(number("*"));
  const std::string letters = "OPTIONS sip:alice@a.example SIP/2.0\r\nCall-ID: o1\r\n\r\n";
  CHECK_FALSE(finds(FilterType::kPhoneNumber, "*", letters));
  const std::string shorts = "OPTIONS sip:110@a.example SIP/2.0\r\nCall-ID: o1\r\nTo: <sip:00@a.example>\r\n\r\n";
  CHECK(finds(FilterType::kPhoneNumber, "110", shorts));
  CHECK(finds(FilterType::kPhoneNumber, "00", shorts));
  CHECK_FALSE(finds(FilterType::kPhoneNumber, "10", shorts));
}

TEST_CASE("A Call-ID matches as a whole or by stars", "[filter_set]") {
  CHECK(finds(FilterType::kCallId, "a84b4c76e66710@pc33.atlanta.example"));
  CHECK(finds(FilterType::kCallId, "*@pc33.*"));
  CHECK_FALSE(finds(FilterType::kCallId, "a84b4c76e66710"));
}

TEST_CASE("An IMSI is found in the credentials and in the asserted identity", "[filter_set]") {
  CHECK(finds(FilterType::kImsi, "262011234567890"));
  CHECK_FALSE(finds(FilterType::kImsi, "262011234567891"));
  const auto registers = [](const std::string& pattern, const std::string& authorization) {
    return finds(FilterType::kImsi, pattern, registering(authorization));
  };
  const std::string domain = "ims.mnc001.mcc262.3gppnetwork.org";
  CHECK(registers("262011234567890", R"(Digest realm="x", username="262011234567890@)" + domain + "\""));
  CHECK(registers("262011234567890", "Digest username = 262011234567890, realm=x"));
  CHECK(registers("262011234567890", R"(Digest username="0262011234567890@nai.epc.mnc001.mcc262.3gppnetwork.org")"));
  CHECK_FALSE(registers("262011234567890", R"(Digest username="2262011234567890@x")"));
  CHECK_FALSE(registers("262011234567890", R"(Digest nousername="262011234567890@x")"));
  CHECK_FALSE(registers("262011234567890", R"(Digest username="262011234567890x@y")"));
}

TEST_CASE("An IMEI is found in Contact's instance, whatever its last digit", "[filter_set]") {
  CHECK(finds(FilterType::kImei, "352099001761480"));
  CHECK(finds(FilterType::kImei, "352099001761481"));
  CHECK(finds(FilterType::kImei, "35209900176148"));
  CHECK_FALSE(finds(FilterType::kImei, "35209900176149"));
}

TEST_CASE("A codec is found in an SDP and by its static payload type", "[filter_set]") {
  sip::Sdp sdp;
  REQUIRE(sip::parse_sdp("application/sdp",
                         "v=0\r\no=- 0 0 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
                         "m=audio 49170 RTP/AVP 18 97\r\na=rtpmap:97 AMR-WB/16000\r\n",
                         sdp));
  const auto in_sdp = [&](const std::string& pattern) {
    return is_match(FilterType::kCodec, pattern,
                    [&](const FilterSet& set, Matches& matches) { set.match_codecs(sdp, matches); });
  };
  CHECK(in_sdp("g729"));
  CHECK(in_sdp("amr*"));
  CHECK_FALSE(in_sdp("AMR"));
  CHECK_FALSE(in_sdp("PCMU"));
  const auto by_type = [](const std::string& pattern, std::uint8_t type) {
    return is_match(FilterType::kCodec, pattern,
                    [&](const FilterSet& set, Matches& matches) { set.match_payload_type(type, matches); });
  };
  CHECK(by_type("pcmu", 0));
  CHECK(by_type("PCMA", 8));
  CHECK_FALSE(by_type("PCMU", 8));
  CHECK_FALSE(by_type("*", 96));
}

TEST_CASE("Only filters that are enabled and not over are in force", "[filter_set]") {
  std::vector<fleet::Filter> filters = {
      make_filter(FilterType::kSipUser, "a", "on"), make_filter(FilterType::kCodec, "not/valid", "off"),
      make_filter(FilterType::kDnsDomain, "a", "over"), make_filter(FilterType::kBpf, "udp", "later"),
      make_filter(FilterType::kMediaEndpoint, "192.0.2.1:10000", "media")};
  filters[1].enabled = false;
  filters[2].expires_at_ns = 100;
  filters[3].expires_at_ns = 101;
  const SetPtr set = compile(filters, 100);
  REQUIRE(set->filters().size() == 2);
  CHECK(set->filters()[0].id == "on");
  CHECK(set->filters()[1].id == "later");
  CHECK(set->revision() == 7);
  CHECK(set->next_expiry_ns() == 101);
  CHECK((set->any_sip() && set->any_bpf() && set->follows_calls()));
  CHECK_FALSE((set->any_codec() || set->any_dns() || set->any_address() || set->any_tls() || set->any_http() ||
               set->any_mail() || set->empty()));
  CHECK(compile({})->empty());
  CHECK(compile({})->next_expiry_ns() == 0);
}

TEST_CASE("Matches of several kinds come together, sorted", "[filter_set]") {
  const SetPtr set = compile(
      {make_filter(FilterType::kSipUser, "alice", "a"), make_filter(FilterType::kIpAddress, "192.0.2.0/24", "b"),
       make_filter(FilterType::kSipUri, "*@biloxi.example", "c"), make_filter(FilterType::kSipUser, "bob", "d")});
  sip::Message message;
  REQUIRE(sip::parse_message(bytes_of(kInvite), message));
  Matches matches;
  set->match_address(*packet::IpAddress::parse("192.0.2.9"), matches);
  set->match_sip(message, matches);
  set->match_address(*packet::IpAddress::parse("198.51.100.1"), matches);
  CHECK(matches == Matches{0, 1, 2, 3});
}
