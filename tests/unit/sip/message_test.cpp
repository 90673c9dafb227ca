// Messages after RFC 4475 (torture tests), RFC 3261 section 24 and RFC 3325; the expected values are the RFCs' own.
#include "common/sip/message.h"

#include <catch2/catch.hpp>
#include <vector>

#include "tests/unit/sip/sip_bytes.h"

namespace {

using lc::sip::begins_message;
using lc::sip::Identity;
using lc::sip::Message;
using lc::sip::parse_message;
using lc::sip::test::bytes_of;
using lc::sip::test::with_crlf;

Message read(std::string_view text) {
  Message message;
  REQUIRE(parse_message(bytes_of(text), message));
  return message;
}

std::vector<std::string> all_of(const Message& message, Identity identity) {
  std::vector<std::string> values;
  for (const auto& party : message.who()) {
    if (party.identity == identity) values.emplace_back(party.value);
  }
  return values;
}

std::string request_with(std::string_view headers) {
  return with_crlf("INVITE sip:bob@b.example SIP/2.0\nCall-ID: x@y\n" + std::string(headers) + "\n");
}

// RFC 3261 section 24.2, F1, with a body in place of the one that is not shown.
const std::string kInvite = with_crlf(R"(INVITE sip:bob@biloxi.com SIP/2.0
Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKnashds8
Max-Forwards: 70
To: Bob <sip:bob@biloxi.com>
From: Alice <sip:alice@atlanta.com>;tag=1928301774
Call-ID: a84b4c76e66710
CSeq: 314159 INVITE
Contact: <sip:alice@pc33.atlanta.com>
Content-Type: application/sdp
Content-Length: 5

v=0
)");

}  // namespace

TEST_CASE("A request is read field by field", "[sip]") {
  const Message message = read(kInvite);
  CHECK(message.is_request);
  CHECK(message.method == "INVITE");
  CHECK(message.request_uri == "sip:bob@biloxi.com");
  CHECK(message.status == 0);
  CHECK(message.call_id == "a84b4c76e66710");
  CHECK(message.from_tag == "1928301774");
  CHECK(message.branch == "z9hG4bKnashds8");
  CHECK(message.vias == 1);
  CHECK(message.to_tag.empty());
  CHECK(message.cseq == 314159);
  CHECK(message.cseq_method == "INVITE");
  CHECK(message.content_type == "application/sdp");
  CHECK(message.body == "v=0\r\n");
  CHECK(message.value_of(Identity::kFrom) == "Alice <sip:alice@atlanta.com>;tag=1928301774");
  CHECK(message.value_of(Identity::kTo) == "Bob <sip:bob@biloxi.com>");
  CHECK(message.value_of(Identity::kContact) == "<sip:alice@pc33.atlanta.com>");
  CHECK(message.value_of(Identity::kRequestUri) == "sip:bob@biloxi.com");
  CHECK(message.value_of(Identity::kAssertedIdentity).empty());
  CHECK(message.party_count == 4);
}

TEST_CASE("A response takes its method from CSeq, and may lack a reason", "[sip]") {
  const Message ringing =
      read("SIP/2.0 180 Ringing now\r\nCall-ID: 1@h\r\nCSeq: 3 INVITE\r\nTo: <sip:b@h>;tag=8\r\n\r\n");
  CHECK_FALSE(ringing.is_request);
  CHECK(ringing.status == 180);
  CHECK(ringing.reason == "Ringing now");
  CHECK(ringing.method == "INVITE");
  CHECK(ringing.to_tag == "8");
  CHECK(ringing.request_uri.empty());
  // RFC 4475 section 3.1.1.13: no reason phrase.
  CHECK(read("SIP/2.0 100 \r\nCall-ID: noreason\r\n\r\n").reason.empty());
  CHECK(read("SIP/2.0 699\r\nCall-ID: not even a blank\r\n\r\n").status == 699);
}

TEST_CASE("The short tortuous INVITE is read with its folds, blanks and compact names", "[sip]") {
  // RFC 4475 section 3.1.1.1.
  const std::string text = with_crlf(R"(INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0
TO :
 sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n
from   : "J Rosenberg \\\""       <sip:jdrosen@example.com>
  ;
  tag = 98asjd8
MaX-fOrWaRdS: 0068
Call-ID: wsinv.ndaksdj@192.0.2.1
Content-Length   : 150
cseq: 0009
  INVITE
Via  : SIP  /   2.0
 /UDP
    192.0.2.2;branch=390skdjuw
s :
NewFangledHeader:   newfangled value
 continued newfangled value
UnknownHeaderWithUnusualValue: ;;,,;;,;
Content-Type: application/sdp
Route:
 <sip:services.example.com;lr;unknownwith=value;unknown-no-value>
v:  SIP  / 2.0  / TCP     spindle.example.com   ;
  branch  =   z9hG4bK9ikj8  ,
 SIP  /    2.0   / UDP  192.168.255.111   ; branch=
 z9hG4bK30239
m:"Quoted string \"\"" <sip:jdrosen@example.com> ; newparam =
      newvalue ;
  secondparam ; q = 0.33

v=0
)");
  const Message message = read(text);
  CHECK(message.request_uri == "sip:vivekg@chair-dnrc.example.com;unknownparam");
  CHECK(message.call_id == "wsinv.ndaksdj@192.0.2.1");
  CHECK(message.to_tag == "1918181833n");
  CHECK(message.from_tag == "98asjd8");
  CHECK(message.branch == "390skdjuw");
  CHECK(message.vias == 3);
  CHECK(message.cseq == 9);
  CHECK(message.cseq_method == "INVITE");
  CHECK(message.content_type == "application/sdp");
  CHECK(message.body == "v=0\r\n");
  lc::sip::Uri uri;
  REQUIRE(parse_uri(message.value_of(Identity::kFrom), uri));
  CHECK(uri.text == "sip:jdrosen@example.com");
  REQUIRE(parse_uri(message.value_of(Identity::kTo), uri));
  CHECK(uri.text == "sip:vivekg@chair-dnrc.example.com");
  CHECK(all_of(message, Identity::kContact).size() == 1);
}

TEST_CASE("Compact names mean the same as long ones", "[sip]") {
  const Message message = read(
      "INVITE sip:b@h SIP/2.0\r\ni: id\r\nf: <sip:a@h>;tag=1\r\nt: <sip:b@h>;tag=2\r\nm: <sip:c@h>\r\n"
      "c: text/plain\r\nl: 2\r\nv: SIP/2.0/UDP h;branch=8\r\ns: id\r\nk: x\r\n\r\nabcd");
  CHECK(message.call_id == "id");
  CHECK(message.from_tag == "1");
  CHECK(message.to_tag == "2");
  CHECK(message.value_of(Identity::kContact) == "<sip:c@h>");
  CHECK(message.content_type == "text/plain");
  CHECK(message.branch == "8");
  CHECK(message.body == "ab");
}

TEST_CASE("Lone line feeds end lines, and empty lines before a message do not hide it", "[sip]") {
  const std::string text = "\r\n\r\nBYE sip:b@h SIP/2.0\nFrom: <sip:a@h>;tag=1\nCall-ID: 7\n\nbody";
  CHECK(begins_message(bytes_of(text)));
  const Message message = read(text);
  CHECK(message.method == "BYE");
  CHECK(message.call_id == "7");
  CHECK(message.body == "body");
}

TEST_CASE("Every value of the identity headers is there, split outside of quotes and brackets", "[sip]") {
  // RFC 3325 section 9.1 and 9.2; commas in a display name and in a URI.
  const std::string text = request_with(R"(From: "Jones, \"Jim, Jr\"" <sip:jim@a>;tag=1
P-Asserted-Identity: "Cullen, Jennings" <sip:fluffy@cisco.com>, tel:+14085264000
P-Asserted-Identity: <sip:x,y@h>
P-Preferred-Identity: <sip:third@cisco.com>
P-Called-Party-ID: sip:user1-business@example.com
Contact: <sip:one@h>;q=0.7;expires=60,"Two" <sip:two@h>,,
)");
  const Message message = read(text);
  CHECK(all_of(message, Identity::kFrom) == std::vector<std::string>{R"("Jones, \"Jim, Jr\"" <sip:jim@a>;tag=1)"});
  CHECK(message.from_tag == "1");
  CHECK(all_of(message, Identity::kAssertedIdentity) ==
        std::vector<std::string>{R"("Cullen, Jennings" <sip:fluffy@cisco.com>)", "tel:+14085264000", "<sip:x,y@h>"});
  CHECK(all_of(message, Identity::kPreferredIdentity) == std::vector<std::string>{"<sip:third@cisco.com>"});
  CHECK(all_of(message, Identity::kCalledPartyId) == std::vector<std::string>{"sip:user1-business@example.com"});
  CHECK(all_of(message, Identity::kContact) ==
        std::vector<std::string>{"<sip:one@h>;q=0.7;expires=60", "\"Two\" <sip:two@h>"});
}

TEST_CASE("A Contact of * is no party", "[sip]") {
  CHECK(all_of(read(request_with("Contact: *\n")), Identity::kContact).empty());
}

TEST_CASE("Many contacts leave room for the headers that say who calls whom", "[sip]") {
  std::string headers = "Contact: <sip:c@h>";
  for (int i = 0; i < 40; ++i) headers += ",<sip:c@h>";
  const std::string text = request_with(headers + "\nTo: <sip:b@h>\nFrom: <sip:a@h>\nP-Called-Party-ID: <sip:p@h>\n");
  const Message message = read(text);
  CHECK(message.value_of(Identity::kFrom) == "<sip:a@h>");
  CHECK(message.value_of(Identity::kTo) == "<sip:b@h>");
  CHECK(message.value_of(Identity::kCalledPartyId) == "<sip:p@h>");
  CHECK(message.party_count <= Message::kMaxParties);
}

TEST_CASE("Of a header that is there twice the first counts, and both From say who takes part", "[sip]") {
  // RFC 4475 section 3.3.8.
  const std::string text = request_with(R"(CSeq: 8 INVITE
Call-ID: second
From: <sip:first@h>;tag=3413415
From: <sip:second@h>;tag=2
CSeq: 59 LOWER
Content-Type: text/plain
Content-Type: application/sdp
Content-Length: 0
Content-Length: 5
)");
  const Message message = read(text);
  CHECK(message.call_id == "x@y");
  CHECK(message.cseq == 8);
  CHECK(message.from_tag == "3413415");
  CHECK(all_of(message, Identity::kFrom).size() == 2);
  CHECK(message.content_type == "text/plain");
  CHECK(message.body.empty());
}

TEST_CASE("Authorization stands before Proxy-Authorization wherever it comes", "[sip]") {
  CHECK(read(request_with("Proxy-Authorization: Digest p\n")).authorization == "Digest p");
  CHECK(read(request_with("Proxy-Authorization: Digest p\nAuthorization: Digest a\n")).authorization == "Digest a");
  CHECK(read(request_with("AUTHORIZATION: Digest a\nProxy-Authorization: Digest p\n")).authorization == "Digest a");
}

TEST_CASE("Hostile numbers change nothing but themselves", "[sip]") {
  // RFC 4475 section 3.1.2.3 (large scalars), 3.1.2.4 and 3.3.9 (Content-Length), 3.1.2.19.
  const std::string text = request_with("CSeq: 36893488147419103232 REGISTER\nContent-Length: 99999999999999\n\nab");
  const Message large = read(text);
  CHECK(large.cseq == 0);
  CHECK(large.cseq_method == "REGISTER");
  CHECK(large.body == "ab\r\n");
  CHECK(read(request_with("Content-Length: -999\n\nab")).body == "ab\r\n");
  CHECK(read(request_with("Content-Length: 9999\n\nab")).body == "ab\r\n");
  Message message;
  CHECK_FALSE(
      parse_message(bytes_of("SIP/2.0 4294967301 better not break the receiver\r\nCall-ID: 1\r\n\r\n"), message));
}

TEST_CASE("A message that is cut short gives its whole headers only", "[sip]") {
  const std::string text = request_with("From: <sip:alice@h>;tag=12\nTo: <sip:bob@h>;tag=34\n");
  // In the To header: half a tag would be another dialog.
  const Message message = read(std::string_view(text).substr(0, text.find("tag=34") + 5));
  CHECK(message.from_tag == "12");
  CHECK(message.to_tag.empty());
  CHECK(message.value_of(Identity::kTo).empty());
  CHECK(message.body.empty());
  Message cut;
  const std::string_view before = std::string_view(text).substr(0, text.find("x@y") + 2);
  CHECK_FALSE(parse_message(bytes_of(before), cut));
}

TEST_CASE("Every prefix of a message can be read", "[sip]") {
  for (std::size_t size = 0; size <= kInvite.size(); ++size) {
    const std::vector<std::uint8_t> prefix(kInvite.begin(), kInvite.begin() + static_cast<std::ptrdiff_t>(size));
    Message message;
    CHECK(parse_message(prefix, message) == (size >= kInvite.find("CSeq")));
  }
}

TEST_CASE("Start lines are recognised by their form, whatever the method", "[sip]") {
  const auto begins = [](std::string_view text) { return begins_message(bytes_of(text)); };
  // RFC 4475 section 3.1.1.2 (method and URI of odd characters), 3.1.1.6, 3.1.2.7 to 3.1.2.9 (blanks), 3.1.2.1.
  CHECK(begins("!interesting-Method0123456789_*+`.%indeed'~ sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:"
               "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com SIP/2.0\r\n") ==
        false);  // 43 letters: no method
  CHECK(begins("!interesting-Method_*+`.%'~ sip:1_unusual@example.com SIP/2.0\r\n"));
  CHECK(begins("RE%47IST%45R sip:registrar.example.com SIP/2.0\r\n"));
  CHECK(begins("INVITE  sip:user@example.com  SIP/2.0\r\n"));
  CHECK(begins("OPTIONS sip:remote-target@example.com SIP/2.0  \r\n"));
  CHECK(begins("INVITE sip:user@example.com; lr SIP/2.0\r\n"));
  CHECK(begins("INVITE tel:+1-201-555-0123 SIP/2.0\n"));
  CHECK(begins("OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0\r\n"));
  CHECK(begins("INVITE urn:service:sos SIP/2.0\r\n"));
  CHECK(begins("SIP/2.0 200 OK\r\n"));
  for (const std::string_view other : {"",
                                       "\r\n\r\n",
                                       "\r\n",
                                       "jaK",
                                       "GET / HTTP/1.1\r\n",
                                       "GET http://h/ HTTP/1.1\r\n",
                                       "HTTP/1.1 200 OK\r\n",
                                       "SIP/2.0 20 OK\r\n",
                                       "SIP/2.0 700 OK\r\n",
                                       "SIP/2.0 099 OK\r\n",
                                       "SIP/2.0 2000 OK\r\n",
                                       "SIP/2.0/UDP h\r\n",
                                       "SIP/3.0 200 OK\r\n",
                                       "OPTIONS sip:t@example.com SIP/7.0\r\n",
                                       "INVITE sip:a@b SIP/2.0",
                                       "INVITE sip:a@b\r\n",
                                       "INVITE SIP/2.0\r\n",
                                       "INVITE sip: SIP/2.01\r\n",
                                       "RTSP/1.0 200 OK\r\n",
                                       " INVITE sip:a@b SIP/2.0\r\n",
                                       "OPTIONS rtsp://h/a RTSP/1.0\r\n",
                                       "INVITE sip:a@bSIP/2.0\r\n"}) {
    CAPTURE(other);
    CHECK_FALSE(begins(other));
  }
}

TEST_CASE("Bytes without a Call-ID are no message", "[sip]") {
  Message message;
  CHECK_FALSE(parse_message(bytes_of("INVITE sip:a@b SIP/2.0\r\nFrom: <sip:a@b>\r\n\r\n"), message));
  CHECK_FALSE(parse_message(bytes_of("INVITE sip:a@b SIP/2.0\r\nCall-ID:  \r\n\r\n"), message));
  CHECK_FALSE(parse_message(bytes_of("INVITE sip:a@b SIP/2.0\r\nCall-ID\r\n\r\n"), message));
  CHECK_FALSE(parse_message(bytes_of("Call-ID: 1\r\n\r\n"), message));
  CHECK_FALSE(parse_message({}, message));
}

TEST_CASE("The headers that join the legs of a call are read, the first of each", "[sip]") {
  const std::string text = request_with(R"(Session-Expires: 1800
Session-ID: ab30317f1a784dc48ff824d0d3715d86;remote=47755a9de7794ba387653f2099600ef2
SESSION-ID: second
P-Charging-Vector:icid-value="1234bc 9876e";orig-ioi=home1.net
Supported: timer
X-Call-ID-Other: no
X-CID : leg@one
X-Call-ID: leg@two
)");
  const Message message = read(text);
  CHECK(message.session_id == "ab30317f1a784dc48ff824d0d3715d86;remote=47755a9de7794ba387653f2099600ef2");
  CHECK(message.charging_vector == "icid-value=\"1234bc 9876e\";orig-ioi=home1.net");
  CHECK(message.other_call_id == "leg@one");
  const std::string without = request_with("Supported: timer\nServer: x\nSubject: y\nX-Header: z\n");
  CHECK(read(without).session_id.empty());
  CHECK(read(without).charging_vector.empty());
  CHECK(read(without).other_call_id.empty());
}
