// SIP in streams: RFC 3261 section 18.3, keep-alives of RFC 5626; SCTP chunks of RFC 9260 section 3.3.1.
#include <catch2/catch.hpp>
#include <vector>

#include "common/sip/message.h"
#include "tests/unit/sip/sip_bytes.h"

namespace {

using lc::packet::Framing;
using lc::sip::test::bytes_of;
using lc::sip::test::text_of;
using Kind = Framing::Kind;

Framing frame(std::string_view text) {
  return lc::sip::stream_protocol().frame(bytes_of(text));
}

bool begins(std::string_view text) {
  return lc::sip::stream_protocol().begins(bytes_of(text));
}

bool is(const Framing& framing, Kind kind, std::size_t size = 0) {
  return framing.kind == kind && (kind == Kind::kMore || framing.size == size);
}

// The messages in `stream` when it comes in pieces of `step` bytes.
std::vector<std::string> messages_of(std::string_view stream, std::size_t step) {
  std::vector<std::string> messages;
  std::size_t begin = 0;
  for (std::size_t end = std::min(step, stream.size());; end = std::min(end + step, stream.size())) {
    while (begin < end) {
      const std::string_view there = stream.substr(begin, end - begin);
      const Framing framing = frame(there);
      if (framing.kind == Kind::kMore) break;
      REQUIRE(framing.kind != Kind::kLost);
      REQUIRE(framing.size > 0);
      REQUIRE(framing.size <= there.size());
      if (framing.kind == Kind::kMessage) messages.emplace_back(there.substr(0, framing.size));
      begin += framing.size;
    }
    if (end == stream.size()) return messages;
  }
}

const std::string kRequest =
    "MESSAGE sip:b@h SIP/2.0\r\nVia: SIP/2.0/TCP h\r\nCall-ID: 1\r\nContent-Length: 11\r\n\r\nhello\r\n\r\nyo";
const std::string kResponse = "SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP h\r\nCall-ID: 2\r\nl: 0\r\n\r\n";

}  // namespace

TEST_CASE("Messages in a stream end by Content-Length, in pieces of any size", "[sip]") {
  const std::string stream = "\r\n\r\n" + kRequest + kResponse + "\r\n" + kResponse + kRequest;
  for (std::size_t step = 1; step <= stream.size(); ++step) {
    CAPTURE(step);
    CHECK(messages_of(stream, step) == std::vector<std::string>{kRequest, kResponse, kResponse, kRequest});
  }
}

TEST_CASE("Without a Content-Length that is a number a stream's message has no body", "[sip]") {
  const std::string head = "BYE sip:b@h SIP/2.0\r\nCall-ID: 1\r\n";
  for (const std::string header : {"", "Content-Length: many\r\n", "Content-Length: -1\r\n", "Content-Length:\r\n"}) {
    const std::string text = head + header + "\r\n";
    CHECK(is(frame(text + kResponse), Kind::kMessage, text.size()));
  }
  CHECK(is(frame("BYE sip:b@h SIP/2.0\nl : 2\n\nabc"), Kind::kMessage, 29));
}

TEST_CASE("Behind a gap the next start line is found, wherever it begins", "[sip]") {
  for (const std::string lost : {"a=sendrecv\r\n", "</presence>", "From: <sip:x@h>\r\nVia: SIP/2.0/TCP x\r\n\r\nv=0",
                                 "P/2.0 200 OK\r\nVia: x\r\n", "\xff\x00\x17", "x y z ", "<p>a b</p>",
                                 "INVITE sip:x SIP/3.0\r\n", "Via: SIP/2.0 (odd)\r\n"}) {
    for (const std::string& message : {kRequest, kResponse}) {
      CAPTURE(lost, message);
      for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{1000}}) {
        CHECK(messages_of(lost + message + kResponse, step) == std::vector<std::string>{message, kResponse});
      }
    }
  }
}

TEST_CASE("A message that lost its end does not swallow the next", "[sip]") {
  const std::string cut = kRequest.substr(0, kRequest.find("Call-ID"));
  CHECK(messages_of(cut + kResponse, 1000) == std::vector<std::string>{kResponse});
  CHECK(messages_of(cut + kRequest, 1000) == std::vector<std::string>{kRequest});
}

TEST_CASE("A header that looks like a start line hides nothing", "[sip]") {
  const std::string text = "BYE sip:b@h SIP/2.0\r\nSubject: SIP/2.0 200 OK\r\nX: A sip:x SIP/2.0\r\nCall-ID: 1\r\n\r\n";
  CHECK(is(frame(text), Kind::kMessage, text.size()));
}

TEST_CASE("A start line at the end of the bytes is kept until there is more", "[sip]") {
  CHECK(is(frame("SIP/2.0 20"), Kind::kMore));
  CHECK(is(frame("INVI"), Kind::kMore));
  CHECK(is(frame("INVITE sip:b@h SIP/2"), Kind::kMore));
  CHECK(is(frame("lost: x\r\nINVITE sip:b@"), Kind::kSkip, 9));
  CHECK(is(frame("lost: x\r\nS"), Kind::kSkip, 9));
  CHECK(is(frame("lost: x\r\n"), Kind::kSkip, 9));
  CHECK(is(frame("\r\n\r"), Kind::kSkip, 3));
  CHECK(is(frame(""), Kind::kMore));
  // But not for ever.
  CHECK(is(frame("INVITE sip:" + std::string(10'000, 'a')), Kind::kSkip, 10'011));
}

TEST_CASE("A body longer than any message is not waited for", "[sip]") {
  const std::string head = "BYE sip:b@h SIP/2.0\r\nCall-ID: 1\r\nContent-Length: 4000000000\r\n\r\n";
  CHECK(is(frame(head + kResponse), Kind::kSkip, head.size()));
}

TEST_CASE("A stream begins with a start line, or with enough of one", "[sip]") {
  CHECK(begins(kRequest));
  CHECK(begins("\r\n\r\n" + kResponse));
  CHECK(begins("SIP/2.0 "));
  CHECK(begins("REGISTER sip:exam"));
  for (const std::string_view other : {"", "\r\n\r\n", "S", "SIP/2.0", "INVITE", "WORD sip:a", "GET / HTTP/1.1\r\n",
                                       "GET http://h/ HTTP/1.1\r\n", "OPTIONS * HTTP/1.1\r\n", "Call-ID: 1\r\n"}) {
    CAPTURE(other);
    CHECK_FALSE(begins(other));
  }
}
