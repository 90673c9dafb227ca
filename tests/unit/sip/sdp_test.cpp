// Descriptions of RFC 8866 section 5, RFC 3605, RFC 5761, RFC 4566 and multipart bodies (RFC 2046, RFC 3261
// section 7.4).
#include "common/sip/sdp.h"

#include <catch2/catch.hpp>

#include "tests/unit/sip/sip_bytes.h"

namespace {

using lc::sip::parse_sdp;
using lc::sip::Sdp;
using lc::sip::test::with_crlf;

constexpr std::string_view kType = "application/sdp";

const lc::sip::Media& only(const Sdp& sdp) {
  REQUIRE(sdp.media_count == 1);
  return sdp.media[0];
}

std::string session(std::string_view lines) {
  return "v=0\no=- 1 1 IN IP4 192.0.2.9\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n" + std::string(lines);
}

}  // namespace

TEST_CASE("Every media section says where it flows and how it is coded", "[sip]") {
  const std::string body = with_crlf(session(R"(m=audio 49170 RTP/AVP 0 97 18 101
a=rtpmap:97 opus/48000/2
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
m=video 51372/2 RTP/SAVPF 31 99
c=IN IP6 2001:db8::2
a=rtcp:53020 IN IP4 126.16.64.4
a=rtpmap:99 h263-1998/90000
m=image 6800 udptl t38
c=IN IP4 media.example.com
m=audio 0 RTP/AVP 8
)"));
  Sdp sdp;
  REQUIRE(parse_sdp(kType, body, sdp));
  REQUIRE(sdp.media_count == 4);
  const auto& audio = sdp.media[0];
  CHECK(audio.kind == "audio");
  CHECK(audio.protocol == "RTP/AVP");
  CHECK(audio.address.text() == "192.0.2.1");
  CHECK(audio.port == 49170);
  CHECK(audio.port_count == 1);
  CHECK(audio.rtcp_port == 49171);
  CHECK(audio.rtcp_address.text() == "192.0.2.1");
  REQUIRE(audio.format_count == 4);
  CHECK(audio.formats[0].codec == "PCMU");
  CHECK(audio.formats[1].payload_type == 97);
  CHECK(audio.formats[1].codec == "opus");
  CHECK(audio.formats[2].codec == "G729");
  CHECK(audio.formats[3].codec == "telephone-event");

  const auto& video = sdp.media[1];
  CHECK(video.address.text() == "2001:db8::2");
  CHECK(video.port_count == 2);
  CHECK(video.rtcp_port == 53020);
  CHECK(video.rtcp_address.text() == "126.16.64.4");
  CHECK(video.formats[0].codec == "H261");
  CHECK(video.formats[1].codec == "h263-1998");

  const auto& image = sdp.media[2];
  CHECK(image.protocol == "udptl");
  CHECK(image.address.family() == lc::packet::IpAddress::Family::kNone);
  REQUIRE(image.format_count == 1);
  CHECK(image.formats[0].payload_type == lc::sip::MediaFormat::kNoPayloadType);
  CHECK(image.formats[0].codec == "t38");
  CHECK(image.rtcp_port == 0);

  CHECK(sdp.media[3].port == 0);
  CHECK(sdp.media[3].rtcp_port == 0);
  CHECK(sdp.media[3].address.text() == "192.0.2.1");
}

TEST_CASE("rtcp-mux puts RTCP on the port of RTP unless a=rtcp names another", "[sip]") {
  Sdp sdp;
  const std::string muxed = session("m=audio 4000 RTP/AVP 0\na=rtcp-mux\n");
  REQUIRE(parse_sdp(kType, muxed, sdp));
  CHECK(only(sdp).rtcp_port == 4000);
  const std::string both = session("m=audio 4000 UDP/TLS/RTP/SAVPF 0\na=rtcp-mux\na=rtcp:9\n");
  REQUIRE(parse_sdp(kType, both, sdp));
  CHECK(only(sdp).rtcp_port == 9);
  CHECK(only(sdp).rtcp_address.text() == "192.0.2.1");
}

TEST_CASE("Multicast addresses lose what stands behind the slash", "[sip]") {
  Sdp sdp;
  REQUIRE(parse_sdp(kType, session("m=audio 4000 RTP/AVP 0\nc=IN IP4 224.2.1.1/127/3\nc=IN IP4 224.2.1.9\n"), sdp));
  CHECK(only(sdp).address.text() == "224.2.1.1");
  REQUIRE(parse_sdp(kType, session("m=audio 4000 RTP/AVP 0\nc=IN IP6 ff15::101/3\n"), sdp));
  CHECK(only(sdp).address.text() == "ff15::101");
}

TEST_CASE("Hostile numbers and lines leave a description that can be used", "[sip]") {
  Sdp sdp;
  REQUIRE(parse_sdp(kType, session("m=audio 99999 RTP/AVP 0\n"), sdp));
  CHECK(only(sdp).port == 0);
  REQUIRE(parse_sdp(kType, session("m=audio -1 RTP/AVP 0\n"), sdp));
  CHECK(only(sdp).port == 0);
  REQUIRE(parse_sdp(kType, session("m=audio 65535 RTP/AVP 0\n"), sdp));
  CHECK(only(sdp).rtcp_port == 0);
  REQUIRE(parse_sdp(kType, session("m=audio 65530/60000 RTP/AVP 0\n"), sdp));
  CHECK(only(sdp).port_count == 3);
  REQUIRE(parse_sdp(kType, session("m=audio 4000/0 RTP/AVP 0 128 300 -1 x 99999999999999999999 127\n"), sdp));
  CHECK(only(sdp).port_count == 1);
  CHECK(only(sdp).format_count == 2);
  REQUIRE(parse_sdp(kType, session("m=\na=rtpmap:\na=rtcp:\na=rtcp\nm\n=\n\nc=\n"), sdp));
  CHECK(only(sdp).kind.empty());
  REQUIRE(parse_sdp(kType, session("a=rtpmap:0 x/1\na=rtcp:1\nm=audio 4000 RTP/AVP 0\na=rtpmap:999 y/1\n"), sdp));
  CHECK(only(sdp).formats[0].codec == "PCMU");
  CHECK(only(sdp).rtcp_port == 4001);

  std::string many = session("");
  for (int i = 0; i < 20; ++i) many += "m=audio 4000 RTP/AVP 96\na=rtpmap:96 codec" + std::to_string(i) + "/8000\n";
  REQUIRE(parse_sdp(kType, many, sdp));
  CHECK(sdp.media_count == Sdp::kMaxMedia);
  CHECK(sdp.media[7].formats[0].codec == "codec7");
  std::string formats = session("m=audio 4000 RTP/AVP");
  for (int i = 0; i < 100; ++i) formats += " 0";
  REQUIRE(parse_sdp(kType, formats, sdp));
  CHECK(only(sdp).format_count == lc::sip::Media::kMaxFormats);
}

TEST_CASE("A description is found in multipart bodies, quoted boundaries and parts in parts", "[sip]") {
  const std::string inner = session("m=audio 4000 RTP/AVP 0\n");
  const std::string body = with_crlf(
      "preamble\n--b1\nContent-Type: application/isup; version=x\nContent-Disposition: "
      "signal\n\n\x01\x02--b1\n--b1\nContent-Disposition: session\nCONTENT-TYPE :\n "
      "Application/SDP;charset=x\n\n" +
      inner + "\n--b1--\nepilogue");
  Sdp sdp;
  for (const std::string_view type :
       {"multipart/mixed;boundary=b1", "Multipart/Mixed; x=\"a;boundary=no\"; boundary=\"b1\"",
        "multipart/related; BOUNDARY = b1 ;y=z"}) {
    CAPTURE(type);
    REQUIRE(parse_sdp(type, body, sdp));
    CHECK(only(sdp).port == 4000);
  }
  const std::string nested = "--out\nContent-Type: multipart/alternative; boundary=\"b1\"\n\n" + body + "\n--out--\n";
  REQUIRE(parse_sdp("multipart/mixed; boundary=out", nested, sdp));
  CHECK(only(sdp).port == 4000);
  const std::string cut = body.substr(0, body.find("\r\n--b1--"));
  REQUIRE(parse_sdp("multipart/mixed; boundary=b1", cut, sdp));
  CHECK(only(sdp).port == 4000);
}

TEST_CASE("Bodies of other types hold no description", "[sip]") {
  const std::string body = session("m=audio 4000 RTP/AVP 0\n");
  Sdp sdp;
  for (const std::string_view type : {"", "text/plain", "application/sdpx", "application/sd", "multipart/mixed",
                                      "multipart/mixed;boundary=", "multipart/mixed;boundary=zzz", ";", "multipart/"}) {
    CAPTURE(type);
    CHECK_FALSE(parse_sdp(type, body, sdp));
    CHECK(sdp.media_count == 0);
  }
  CHECK_FALSE(parse_sdp(kType, "", sdp));
  CHECK_FALSE(parse_sdp(kType, "m=audio 4000 RTP/AVP 0\n", sdp));
  CHECK(parse_sdp("APPLICATION/SDP ; x=y", "\r\n" + body, sdp));
}

TEST_CASE("Only assigned payload types have a static codec", "[sip]") {
  // RFC 3551 section 6, tables 4 and 5.
  CHECK(lc::sip::static_codec(0) == "PCMU");
  CHECK(lc::sip::static_codec(8) == "PCMA");
  CHECK(lc::sip::static_codec(9) == "G722");
  CHECK(lc::sip::static_codec(13) == "CN");
  CHECK(lc::sip::static_codec(18) == "G729");
  CHECK(lc::sip::static_codec(25) == "CelB");
  CHECK(lc::sip::static_codec(26) == "JPEG");
  CHECK(lc::sip::static_codec(34) == "H263");
  for (const int none : {1, 2, 19, 20, 24, 27, 29, 30, 35, 72, 96, 127, 255}) {
    CAPTURE(none);
    CHECK(lc::sip::static_codec(static_cast<std::uint8_t>(none)).empty());
  }
}
