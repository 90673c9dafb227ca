// URIs of RFC 3261 section 19.1, RFC 3966 and RFC 4475.
#include <catch2/catch.hpp>

#include "common/sip/message.h"

namespace {

struct Expected {
  std::string_view value;
  std::string_view scheme;
  std::string_view user;
  std::string_view host;
  std::string_view text;
};

}  // namespace

TEST_CASE("A URI is found in a header's value and taken apart", "[sip]") {
  for (const Expected& want : {
           Expected{"sip:alice@atlanta.com", "sip", "alice", "atlanta.com", "sip:alice@atlanta.com"},
           Expected{"<sips:alice@atlanta.com:5061;transport=tcp?subject=x>;tag=1", "sips", "alice", "atlanta.com",
                    "sips:alice@atlanta.com:5061;transport=tcp?subject=x"},
           Expected{"Bob <sip:alice:secretword@atlanta.com;transport=tcp>", "sip", "alice", "atlanta.com",
                    "sip:alice:secretword@atlanta.com;transport=tcp"},
           Expected{R"("Bob <sip:not@me>, \" Jr" <sip:b@h>;x=y)", "sip", "b", "h", "sip:b@h"},
           // Without brackets parameters are the header's (RFC 3261 section 20.10).
           Expected{"sip:caller@example.com;tag=323", "sip", "caller", "example.com", "sip:caller@example.com"},
           Expected{"sip:+12125551212@phone2net.com;tag=887s", "sip", "+12125551212", "phone2net.com",
                    "sip:+12125551212@phone2net.com"},
           Expected{"sip:example.com;user=phone", "sip", "", "example.com", "sip:example.com"},
           Expected{"<sip:10.0.0.1:5070>", "sip", "", "10.0.0.1", "sip:10.0.0.1:5070"},
           Expected{"<sip:b@[2001:db8::10]:5070>", "sip", "b", "[2001:db8::10]", "sip:b@[2001:db8::10]:5070"},
           Expected{"<tel:+358-555-1234567;postd=pp22>", "tel", "+358-555-1234567", "",
                    "tel:+358-555-1234567;postd=pp22"},
           Expected{"TEL:7042;phone-context=example.com", "TEL", "7042", "", "TEL:7042"},
           // RFC 4475 sections 3.1.1.2 and 3.1.1.5 (semicolons in the user part), 3.1.1.4 (escapes).
           Expected{"sip:user;par=u%40example.net@example.com", "sip", "user;par=u%40example.net", "example.com",
                    "sip:user;par=u%40example.net@example.com"},
           Expected{"<sip:user@host;x=\"@\">", "sip", "user", "host", "sip:user@host;x=\"@\""},
           Expected{"sip:sips%3Auser%40example.com@example.net", "sip", "sips%3Auser%40example.com", "example.net",
                    "sip:sips%3Auser%40example.com@example.net"},
           // Quotes that are none.
           Expected{R"(\"816666\" <sip:816666@h>)", "sip", "816666", "h", "sip:816666@h"},
           Expected{R"("never closed <sip:a@h>;tag=1)", "sip", "a", "h", "sip:a@h"},
           Expected{"<sip:a@h;tag=1", "sip", "a", "h", "sip:a@h;tag=1"},
           Expected{"<urn:service:sos>", "urn", "", "", "urn:service:sos"},
           Expected{"<im:fred@example.com>", "im", "fred", "example.com", "im:fred@example.com"},
           Expected{"Watson\r\n <sip:w@h>", "sip", "w", "h", "sip:w@h"},
       }) {
    CAPTURE(want.value);
    lc::sip::Uri uri;
    CHECK(lc::sip::parse_uri(want.value, uri));
    CHECK(uri.scheme == want.scheme);
    CHECK(uri.user == want.user);
    CHECK(uri.host == want.host);
    CHECK(uri.text == want.text);
  }
}

TEST_CASE("What has no scheme is no URI", "[sip]") {
  for (const std::string_view value : {"", "*", "<>", "\"Bob\"", "bob@example.com", "sip:", "<sip:>", ":",
                                       "Bob sip:b@h", "5551234", "\"", "<", "@", ";tag=1"}) {
    CAPTURE(value);
    lc::sip::Uri uri;
    CHECK_FALSE(lc::sip::parse_uri(value, uri));
  }
}
