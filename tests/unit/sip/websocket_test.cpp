// SIP in frames of RFC 6455 section 5.2, among them the examples of section 5.7.
#include <catch2/catch.hpp>
#include <vector>

#include "common/sip/message.h"
#include "tests/unit/sip/sip_bytes.h"

namespace {

using lc::packet::Framing;
using lc::sip::test::bytes_of;
using lc::sip::test::text_of;
using Bytes = std::vector<std::uint8_t>;
using Kind = Framing::Kind;

constexpr std::uint8_t kFinal = 0x80;
constexpr std::uint8_t kText = 1;
constexpr std::uint8_t kPing = 9;

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

Bytes websocket(std::uint8_t first, std::string_view payload, bool masked) {
  const std::uint8_t mask_bit = masked ? 0x80 : 0;
  const auto byte = [](std::size_t value) { return static_cast<std::uint8_t>(value); };
  const std::size_t size = payload.size();
  Bytes bytes = {first};
  if (size < 126) {
    bytes.push_back(byte(size | mask_bit));
  } else if (size < 65'536) {
    bytes = bytes + Bytes{byte(126U | mask_bit), byte(size >> 8), byte(size)};
  } else {
    bytes = bytes +
            Bytes{byte(127U | mask_bit), 0, 0, 0, 0, byte(size >> 24), byte(size >> 16), byte(size >> 8), byte(size)};
  }
  const Bytes mask = {0x37, 0xfa, 0x21, 0x3d};
  if (masked) bytes = bytes + mask;
  for (std::size_t i = 0; i < size; ++i)
    bytes.push_back(byte(static_cast<std::uint8_t>(payload[i]) ^ (masked ? mask[i % 4] : 0)));
  return bytes;
}

std::string sip(std::size_t size) {
  std::string text = "MESSAGE sip:b@h SIP/2.0\r\nCall-ID: 1\r\n\r\n";
  text.resize(std::max(size, text.size()), 'x');
  return text;
}

Framing frame(const Bytes& bytes) {
  return lc::sip::websocket_protocol().frame(bytes);
}

bool begins(const Bytes& bytes) {
  return lc::sip::websocket_protocol().begins(bytes);
}

std::string payload(const Bytes& bytes) {
  Bytes room(bytes.size());
  return std::string(text_of(lc::sip::websocket_payload(bytes, room)));
}

}  // namespace

TEST_CASE("A WebSocket message is found and unmasked whatever its length", "[sip]") {
  const bool masked = GENERATE(false, true);
  for (const std::size_t size : {60U, 125U, 126U, 300U, 65'000U}) {
    CAPTURE(masked, size);
    const std::string text = sip(size);
    const Bytes message = websocket(kFinal | kText, text, masked);
    CHECK(begins(message));
    const Framing framing = frame(message + message);
    CHECK(framing.kind == Kind::kMessage);
    CHECK(framing.size == message.size());
    CHECK(payload(message) == text);
    CHECK(frame(Bytes(message.begin(), message.end() - 1)).kind == Kind::kMore);
  }
  CHECK(payload(websocket(kFinal | kText, sip(70'000), masked)) == sip(70'000));  // the 64-bit length
}

TEST_CASE("RFC 6455's own examples are unmasked as it says", "[sip]") {
  CHECK(payload({0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58}) == "Hello");
  CHECK(payload({0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f}) == "Hello");
}

TEST_CASE("A fragmented message is joined, control frames among its parts left out", "[sip]") {
  const bool masked = GENERATE(false, true);
  const std::string text = sip(400);
  for (const std::size_t cut : {std::size_t{3}, std::size_t{20}, std::size_t{200}}) {
    const Bytes message = websocket(kText, text.substr(0, cut), masked) + websocket(kFinal | kPing, "ping", masked) +
                          websocket(0, text.substr(cut, 100), masked) +
                          websocket(kFinal, text.substr(cut + 100), masked);
    CAPTURE(masked, cut);
    const Framing framing = frame(message);
    CHECK(framing.kind == Kind::kMessage);
    CHECK(framing.size == message.size());
    CHECK(payload(message) == text);
    for (std::size_t size = 0; size < message.size(); ++size) {
      CHECK(frame(Bytes(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(size))).kind == Kind::kMore);
    }
  }
}

TEST_CASE("Frames of no interest are stepped over", "[sip]") {
  const bool masked = GENERATE(false, true);
  for (const Bytes& other :
       {websocket(kFinal | kPing, "", masked), websocket(kFinal | 10, "pong", masked),
        websocket(kFinal | 8, "", masked), websocket(kFinal | kText, "\r\n\r\n", masked),
        websocket(kFinal | 2, R"({"json": 1})", masked), websocket(kFinal, "end of another", masked)}) {
    const Framing framing = frame(other + websocket(kFinal | kText, sip(0), masked));
    CHECK(framing.kind == Kind::kSkip);
    CHECK(framing.size == other.size());
    CHECK_FALSE(begins(other));
  }
}

TEST_CASE("What can't be a WebSocket frame is given up", "[sip]") {
  const std::string text = sip(0);
  for (const Bytes& bytes : {websocket(kFinal | 0x40 | kText, text, false),  // compressed
                             websocket(kFinal | 3, text, false), websocket(kFinal | 11, text, false),
                             websocket(kPing, "fragmented control", false), websocket(kFinal | kPing, sip(200), false),
                             Bytes{0x81, 126, 0, 5, 'S', 'I', 'P', '/', '2'},
                             Bytes{0x81, 127, 0xff, 0, 0, 0, 0, 0, 0, 0}, Bytes{0x81, 127, 0, 0, 0, 1, 0, 0, 0, 0}}) {
    CHECK(frame(bytes).kind == Kind::kLost);
    CHECK_FALSE(begins(bytes));
  }
  CHECK(payload({0x81, 0x05, 'a'}).empty());
  CHECK_FALSE(begins({}));
  CHECK_FALSE(begins(Bytes(3, 0x81)));
}
