// Headers of RFC 3550 by hand. Whole calls are compared with tshark in tests/e2e/test_sip_against_tshark.py.
#include "common/sip/rtp.h"

#include <catch2/catch.hpp>
#include <vector>

namespace {

using lc::sip::is_rtcp;
using lc::sip::parse_rtp;
using lc::sip::Rtp;
using Bytes = std::vector<std::uint8_t>;

// Version 2, marker and payload type 8, sequence number 0x0102, timestamp, SSRC.
const Bytes kHeader = {0x80, 0x88, 0x01, 0x02, 0x00, 0x00, 0x10, 0x00, 0xde, 0xad, 0xbe, 0xef};

Bytes with(std::uint8_t first, const Bytes& rest) {
  Bytes bytes = kHeader;
  bytes[0] = first;
  bytes.insert(bytes.end(), rest.begin(), rest.end());
  return bytes;
}

bool reads(const Bytes& bytes) {
  Rtp rtp;
  return parse_rtp(bytes, rtp);
}

}  // namespace

TEST_CASE("An RTP header is read field by field", "[sip]") {
  Rtp rtp;
  REQUIRE(parse_rtp(with(0x80, {1, 2, 3}), rtp));
  CHECK(rtp.payload_type == 8);
  CHECK(rtp.marker);
  CHECK(rtp.sequence == 0x0102);
  CHECK(rtp.timestamp == 0x1000);
  CHECK(rtp.ssrc == 0xdeadbeef);
  CHECK(rtp.header_size == 12);
}

TEST_CASE("CSRCs and the header extension belong to the header and must fit", "[sip]") {
  Rtp rtp;
  // Two CSRCs, then an extension of one word.
  const Bytes whole = with(0x92, {0, 0, 0, 1, 0, 0, 0, 2, 0xbe, 0xde, 0, 1, 9, 9, 9, 9, 7});
  REQUIRE(parse_rtp(whole, rtp));
  CHECK(rtp.header_size == 28);
  for (std::size_t size = 0; size < 28; ++size) {
    CAPTURE(size);
    CHECK_FALSE(reads(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))));
  }
}

TEST_CASE("Padding must lie behind the header", "[sip]") {
  CHECK(reads(with(0xa0, {5, 0, 0, 3})));
  CHECK(reads(with(0xa0, {0, 0, 3})));
  CHECK_FALSE(reads(with(0xa0, {0, 0, 4})));
  CHECK_FALSE(reads(with(0xa0, {0, 0, 0})));
  CHECK_FALSE(reads(with(0xa0, {})));
}

TEST_CASE("Other versions and RTCP are no RTP", "[sip]") {
  CHECK_FALSE(reads(with(0x00, {})));
  CHECK_FALSE(reads(with(0x40, {})));
  CHECK_FALSE(reads(with(0xc0, {})));
  Bytes bytes = kHeader;
  for (int type = 0; type < 256; ++type) {
    CAPTURE(type);
    bytes[1] = static_cast<std::uint8_t>(type);
    CHECK(reads(bytes) == !((type & 0x7f) >= 72 && (type & 0x7f) <= 76));
  }
}

TEST_CASE("RTCP is recognised by version, type and length", "[sip]") {
  // RFC 3550 section 6.4.2: a receiver report without blocks, then (SRTCP) what can't be read.
  const Bytes report = {0x80, 201, 0, 1, 0xde, 0xad, 0xbe, 0xef, 0x55};
  CHECK(is_rtcp(report));
  CHECK_FALSE(is_rtcp(Bytes(report.begin(), report.begin() + 7)));
  CHECK_FALSE(is_rtcp({}));
  Bytes other = report;
  other[0] = 0x40;
  CHECK_FALSE(is_rtcp(other));
  other = report;
  other[3] = 2;
  CHECK_FALSE(is_rtcp(other));
  for (const auto& [type, is] : {std::pair{191, false}, {192, true}, {223, true}, {224, false}}) {
    other = report;
    other[1] = static_cast<std::uint8_t>(type);
    CHECK(is_rtcp(other) == is);
  }
}
