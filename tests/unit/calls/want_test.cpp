#include "common/calls/want.h"

#include "common/calls/endpoint.h"
#include "tests/unit/calls/selector_rig.h"

using namespace lc;
using namespace lc::calls;
using namespace lc::calls::test;

namespace {

Rig::Ids ids_of(const Want& want) {
  Rig::Ids ids;
  packet::MatchedIds(want.encoded).for_each([&](std::string_view id) { ids.emplace_back(id); });
  return ids;
}

}  // namespace

TEST_CASE("A want names each filter once, and asks for the most that any of them asks for", "[want]") {
  Want want;
  CHECK_FALSE(want.any());
  want.add("a", MediaExtent::kNone);
  want.add("b", MediaExtent::kHeaders);
  want.add("a", MediaExtent::kNone);
  CHECK(ids_of(want) == Rig::Ids{"a", "b"});
  CHECK(want.media == MediaExtent::kHeaders);
  Want other;
  other.add("b", MediaExtent::kFull);
  other.add(std::string(200, 'x'), MediaExtent::kNone);
  want.add(other);
  CHECK(ids_of(want) == Rig::Ids{"a", "b", std::string(200, 'x')});
  CHECK(want.media == MediaExtent::kFull);
  want.add(Want());
  CHECK(ids_of(want).size() == 3);
  want.clear();
  CHECK_FALSE(want.any());
}

TEST_CASE("Of a want remains what filters still mean, with the action that they have now", "[want]") {
  const Plan before(set_of({user_filter("alice", "same"), user_filter("bob", "pattern"), user_filter("carol", "type"),
                            user_filter("dave", "action"), user_filter("eve", "gone")}));
  const Plan after(set_of({user_filter("alice", "same", CaptureAction::kSignalling), user_filter("rob", "pattern"),
                           filter_of(FilterType::kCallId, "carol", "type"),
                           user_filter("dave", "action", CaptureAction::kRtpHeaders)}));
  Want want;
  for (const char* id : {"gone", "type", "same", "pattern", "action", "unknown"}) want.add(id, MediaExtent::kFull);
  const Want left = after.still_wanted(before, want);
  CHECK(ids_of(left) == Rig::Ids{"same", "action"});
  CHECK(left.media == MediaExtent::kHeaders);
}

TEST_CASE("An endpoint is read as it is written, and nothing else is one", "[endpoint]") {
  for (const char* text : {"192.0.2.1:4000", "[2001:db8::1]:65535", "0.0.0.0:1"}) {
    const Result<Endpoint> endpoint = parse_endpoint(text);
    REQUIRE(endpoint);
    CHECK(text_of(*endpoint) == text);
  }
  for (const char* text :
       {"", ":", "192.0.2.1", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:+5", "192.0.2.1:5 ", "[]:5",
        "2001:db8::1:4000", "[192.0.2.1]:4000", "[2001:db8::1]", "host:4000", "[2001:db8::1:4000"}) {
    INFO(text);
    const Result<Endpoint> endpoint = parse_endpoint(text);
    REQUIRE_FALSE(endpoint);
    CHECK(endpoint.error().code == Code::kInvalidArgument);
  }
}

TEST_CASE("An IPv4 address that is mapped into IPv6 is the IPv4 address", "[endpoint]") {
  CHECK(unmapped(*packet::IpAddress::parse("::ffff:192.0.2.1")) == *packet::IpAddress::parse("192.0.2.1"));
  for (const char* other : {"2001:db8::ffff:1", "::192.0.2.1", "192.0.2.1", "::"}) {
    CHECK(unmapped(*packet::IpAddress::parse(other)) == *packet::IpAddress::parse(other));
  }
  SipCall call;
  Rig rig({user_filter("alice")});
  const std::string v6 =
      "v=0\r\no=- 1 1 IN IP6 ::1\r\ns=-\r\nc=IN IP6 ::ffff:10.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
  rig.look(call.request("INVITE", 1, false, v6));
  CHECK(rig.got(rig.look(call.rtp_from_callee())));
}
