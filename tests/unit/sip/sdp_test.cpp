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
  CHECK(sdp.session == "- 1");
  CHECK(sdp.version == 1);
  CHECK(sdp.session_address == "IN IP4 192.0.2.9");
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

TEST_CASE("Only assigned payload types have a static codec and clock", "[sip]") {
  using lc::sip::rtp_payload;
  const auto is = [](std::uint8_t type, std::string_view codec, std::uint32_t clock_rate) {
    const lc::sip::RtpPayload payload = rtp_payload(type);
    return payload.codec == codec && payload.clock_rate == clock_rate;
  };
  // RFC 3551 section 6, tables 4 and 5.
  CHECK(is(0, "PCMU", 8000));
  CHECK(is(3, "GSM", 8000));
  CHECK(is(4, "G723", 8000));
  CHECK(is(5, "DVI4", 8000));
  CHECK(is(6, "DVI4", 16'000));
  CHECK(is(7, "LPC", 8000));
  CHECK(is(8, "PCMA", 8000));
  CHECK(is(9, "G722", 8000));
  CHECK(is(10, "L16", 44'100));
  CHECK(is(11, "L16", 44'100));
  CHECK(is(12, "QCELP", 8000));
  CHECK(is(13, "CN", 8000));
  CHECK(is(14, "MPA", 90'000));
  CHECK(is(15, "G728", 8000));
  CHECK(is(16, "DVI4", 11'025));
  CHECK(is(17, "DVI4", 22'050));
  CHECK(is(18, "G729", 8000));
  CHECK(is(25, "CelB", 90'000));
  CHECK(is(26, "JPEG", 90'000));
  CHECK(is(28, "nv", 90'000));
  CHECK(is(31, "H261", 90'000));
  CHECK(is(32, "MPV", 90'000));
  CHECK(is(33, "MP2T", 90'000));
  CHECK(is(34, "H263", 90'000));
  for (const int none : {1, 2, 19, 20, 24, 27, 29, 30, 35, 72, 96, 127, 255}) {
    CAPTURE(none);
    CHECK(is(static_cast<std::uint8_t>(none), "", 0));
  }
}

TEST_CASE("A section says what each payload type carries and how fast its clock runs", "[sip]") {
  const std::string body = with_crlf(session(R"(m=audio 4000 RTP/AVP 96 97 98 99 9 8 100
a=rtpmap:96 opus/48000/2
a=rtpmap:97 telephone-event/16000
a=rtpmap:98 AMR-WB/16000/1
a=rtpmap:99 speex
a=rtpmap:9 G722/16000
m=video 4002 RTP/AVP 96
a=rtpmap:96 H264/90000
)"));
  Sdp sdp;
  REQUIRE(parse_sdp(kType, body, sdp));
  REQUIRE(sdp.media_count == 2);
  const auto is = [](const lc::sip::RtpPayload& payload, std::string_view codec, std::uint32_t clock_rate) {
    return payload.codec == codec && payload.clock_rate == clock_rate;
  };
  const lc::sip::Media& audio = sdp.media[0];
  CHECK(is(audio.payload(96), "opus", 48'000));
  CHECK(is(audio.payload(97), "telephone-event", 16'000));
  CHECK(is(audio.payload(98), "AMR-WB", 16'000));
  CHECK(is(audio.payload(99), "speex", 0));
  CHECK(is(audio.payload(9), "G722", 8000));  // RFC 3551 section 4.5.2, whatever is written
  CHECK(is(audio.payload(8), "PCMA", 8000));
  CHECK(is(audio.payload(100), "", 0));
  CHECK(is(audio.payload(18), "G729", 8000));  // not offered here, but always the same
  CHECK(is(audio.payload(101), "", 0));
  CHECK(is(sdp.media[1].payload(96), "H264", 90'000));
}
