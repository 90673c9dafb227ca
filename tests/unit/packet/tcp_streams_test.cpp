// A toy protocol: "MS", two length bytes with their high bits set, then lower-case letters. Segments by hand, then
// random ones against a model, then real SIP over TCP against tshark.
#include "common/packet/tcp_streams.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace {

using lc::packet::FrameId;
using lc::packet::Framing;
using lc::packet::IpPacket;
using lc::packet::StreamEnds;
using lc::packet::StreamProtocol;
using lc::packet::TcpStreams;
using Bytes = std::span<const std::uint8_t>;

constexpr std::int64_t kMs = 1'000'000;
constexpr std::uint16_t kFin = 1;
constexpr std::uint16_t kSyn = 2;
constexpr std::uint16_t kRst = 4;

std::string_view text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string toy(const std::string& letters) {
  std::string message = "MS";
  message += static_cast<char>(0x80 | letters.size() >> 7);
  message += static_cast<char>(0x80 | (letters.size() & 0x7f));
  return message + letters;
}

bool begins_toy(Bytes bytes) {
  return text(bytes).starts_with("MS");
}

/// Behind a gap it looks for the next message; a '#' is where it does not know what to do.
Framing frame_toy(Bytes bytes) {
  if (bytes[0] == '#') return {Framing::Kind::kLost};
  if (!begins_toy(bytes)) {
    const std::size_t stop = text(bytes).find_first_of("M#", 1);
    if (text(bytes) == "M") return {Framing::Kind::kMore};
    return {Framing::Kind::kSkip, std::min(stop, bytes.size())};
  }
  if (bytes.size() < 4) return {Framing::Kind::kMore};
  const std::size_t size = 4 + (bytes[2] & 0x7fU) * 128 + (bytes[3] & 0x7fU);
  if (bytes.size() < size) return {Framing::Kind::kMore};
  return {Framing::Kind::kMessage, size};
}

/// "!" and a digit.
bool begins_digit(Bytes bytes) {
  return bytes[0] == '!';
}
Framing frame_digit(Bytes bytes) {
  if (bytes[0] != '!') return {Framing::Kind::kLost};
  return bytes.size() < 2 ? Framing{Framing::Kind::kMore} : Framing{Framing::Kind::kMessage, 2};
}

const std::vector<StreamProtocol> kProtocols = {{begins_toy, frame_toy, 1000}, {begins_digit, frame_digit, 1000}};

/// Writes down what it is told: "toy:HEX-LESS TEXT[1,2]", "again 3=0" (frame, answer), "free 1". Answers count from 0.
class Notes final : public TcpStreams::Sink {
 public:
  std::uint32_t message(std::size_t protocol, const StreamEnds&, Bytes bytes,
                        std::span<const FrameId> frames) override {
    std::string note = protocol == 0 ? "toy:" : "digit:";
    note += text(bytes.subspan(protocol == 0 ? 4 : 1));
    note += '[';
    for (const FrameId frame : frames) note += (note.back() == '[' ? "" : ",") + std::to_string(frame);
    lines.push_back(note + "]");
    return answers++;
  }
  void repeated(FrameId frame, std::uint32_t answer) override {
    lines.push_back("again " + std::to_string(frame) + "=" + std::to_string(answer));
  }
  void released(FrameId frame) override { lines.push_back("free " + std::to_string(frame)); }

  std::vector<std::string> take() { return std::exchange(lines, {}); }

  std::vector<std::string> lines;
  std::uint32_t answers = 0;
};

using Lines = std::vector<std::string>;

/// Frames are numbered from 1, a millisecond apart.
struct Wire {
  explicit Wire(TcpStreams::Limits limits = {}) : streams(kProtocols, limits, notes) {}

  bool send(std::uint32_t sequence, std::string_view bytes, std::uint16_t flags = 0, std::uint8_t host = 1) {
    IpPacket ip;
    ip.version = 4;
    ip.protocol = 6;
    ip.has_ports = ip.has_transport = true;
    ip.source = lc::packet::IpAddress(std::array<std::uint8_t, 4>{10, 0, 0, host});
    ip.destination = lc::packet::IpAddress(std::array<std::uint8_t, 4>{10, 0, 1, 1});
    ip.source_port = 4000;
    ip.destination_port = 5060;
    ip.tcp = {sequence, 0, flags};
    const std::vector<std::uint8_t> payload(bytes.begin(), bytes.end());  // gone when add() is back
    ip.payload = payload;
    now += kMs;
    return streams.add(ip, ++frame, now);
  }
  void wait(std::int64_t ms) { streams.expire(now += ms * kMs); }

  Notes notes;
  TcpStreams streams;
  FrameId frame = 0;
  std::int64_t now = 0;
};

}  // namespace

TEST_CASE("A segment's messages are found in the middle of a stream, and the frame is done with", "[tcp_streams]") {
  Wire wire;
  CHECK_FALSE(wire.send(77, "GET / what is this"));
  CHECK_FALSE(wire.send(1000, toy("one") + toy("two")));
  CHECK(wire.notes.take() == Lines{"toy:one[2]", "toy:two[2]"});
}

TEST_CASE("A message over many segments names them all, and the one that begins the next stays kept", "[tcp_streams]") {
  Wire wire;
  const std::string both = toy("first") + toy("second");  // 9 and 10 bytes
  CHECK(wire.send(100, both.substr(0, 3)));
  CHECK(wire.send(103, both.substr(3, 4)));
  CHECK(wire.notes.take().empty());
  CHECK(wire.send(107, both.substr(7, 4)));
  CHECK(wire.notes.take() == Lines{"toy:first[1,2,3]", "free 1", "free 2"});
  CHECK_FALSE(wire.send(111, both.substr(11)));
  CHECK(wire.notes.take() == Lines{"toy:second[3,4]", "free 3"});
}

TEST_CASE("Segments out of order are put in order, across the wrap of the sequence number", "[tcp_streams]") {
  Wire wire;
  const std::string message = toy("abcdefgh");  // 12 bytes
  const std::uint32_t begin = 0xffff'fffa;
  CHECK(wire.send(begin, message.substr(0, 4)));
  CHECK(wire.send(begin + 8, message.substr(8)));
  CHECK(wire.send(begin + 6, message.substr(6, 2)));
  CHECK(wire.notes.take().empty());
  CHECK_FALSE(wire.send(begin + 4, message.substr(4, 2)));
  CHECK(wire.notes.take() == Lines{"toy:abcdefgh[1,4,3,2]", "free 1", "free 3", "free 2"});
  CHECK_FALSE(wire.send(begin + 12, toy("on")));
  CHECK(wire.notes.take() == Lines{"toy:on[5]"});
}

TEST_CASE("A repetition brings the answers of the messages it repeats, or counts as carrier of the open one",
          "[tcp_streams]") {
  Wire wire;
  const std::string all = toy("a") + toy("b") + toy("open");  // 5, 5, 8
  CHECK(wire.send(1, all.substr(0, 14)));
  CHECK(wire.notes.take() == Lines{"toy:a[1]", "toy:b[1]"});
  CHECK_FALSE(wire.send(1, all.substr(0, 5)));
  CHECK(wire.notes.take() == Lines{"again 2=0"});
  CHECK(wire.send(4, all.substr(3, 9)));  // both, and some of the open one
  CHECK(wire.notes.take() == Lines{"again 3=0", "again 3=1"});
  CHECK_FALSE(wire.send(11, all.substr(10)));
  CHECK(wire.notes.take() == Lines{"toy:open[1,3,4]", "free 1", "free 3"});
  CHECK_FALSE(wire.send(11, all.substr(10)));
  CHECK(wire.notes.take() == Lines{"again 5=2"});
}

TEST_CASE("A gap is skipped after a second, and the next message behind it is found", "[tcp_streams]") {
  Wire wire;
  CHECK(wire.send(1, toy("never whole").substr(0, 6)));
  CHECK(wire.send(100, "tail" + toy("x") + toy("open").substr(0, 5)));
  wire.wait(999);
  CHECK(wire.notes.take().empty());
  wire.wait(2);
  CHECK(wire.notes.take() == Lines{"free 1", "toy:x[2]"});
  CHECK_FALSE(wire.send(7, toy("never whole").substr(6)));  // too late
  CHECK(wire.send(114, "pe"));
  CHECK_FALSE(wire.send(116, "n"));
  CHECK(wire.notes.take() == Lines{"toy:open[2,4,5]", "free 2", "free 4"});
}

TEST_CASE("Without expire() a gap ends by the time of the stream's own next segment", "[tcp_streams]") {
  Wire wire;
  CHECK(wire.send(1, toy("open").substr(0, 6)));
  CHECK(wire.send(50, toy("x")));
  wire.now += 1001 * kMs;
  CHECK_FALSE(wire.send(55, toy("y")));
  CHECK(wire.notes.take() == Lines{"free 1", "toy:x[2]", "free 2", "toy:y[3]"});
}

TEST_CASE("Where the protocol is lost, the next segment may be of any protocol", "[tcp_streams]") {
  Wire wire;
  CHECK_FALSE(wire.send(1, toy("a") + "#" + toy("not at a segment's begin")));
  CHECK(wire.notes.take() == Lines{"toy:a[1]"});
  CHECK_FALSE(wire.send(100, "nothing"));
  CHECK_FALSE(wire.send(107, "!7"));
  CHECK_FALSE(wire.send(109, toy("b")));  // frame() of "!" is lost right at a segment's begin
  CHECK_FALSE(wire.send(1, toy("a")));
  CHECK(wire.notes.take() == Lines{"digit:7[3]", "toy:b[4]", "again 5=0"});
}

TEST_CASE("What waited behind a lost place is looked at segment by segment", "[tcp_streams]") {
  Wire wire;
  CHECK(wire.send(1, "MS"));
  CHECK(wire.send(8, "zz"));
  CHECK(wire.send(10, "!1!"));
  CHECK(wire.send(13, "2"));
  CHECK(wire.send(6, "#z"));
  CHECK(wire.notes.take().empty());
  CHECK_FALSE(wire.send(3, "\x80\x80#"));  // an empty message, then the lost place
  CHECK(wire.notes.take() ==
        Lines{"toy:[1,6]", "digit:1[3]", "digit:2[3,4]", "free 1", "free 5", "free 2", "free 3", "free 4"});
}

TEST_CASE("SYN begins anew, its copy does not, and data may come with it", "[tcp_streams]") {
  Wire wire;
  CHECK_FALSE(wire.send(9, "", kSyn));
  CHECK(wire.send(10, toy("open").substr(0, 5)));
  CHECK_FALSE(wire.send(9, "", kSyn));
  CHECK(wire.notes.take().empty());
  CHECK_FALSE(wire.send(5'000'000, toy("fast"), kSyn));
  CHECK_FALSE(wire.send(5'000'009, toy("on")));
  CHECK(wire.notes.take() == Lines{"free 2", "toy:fast[4]", "toy:on[5]"});
}

TEST_CASE("A connection that took over the ports without its SYN being seen is followed", "[tcp_streams]") {
  Wire wire;
  CHECK_FALSE(wire.send(50'000'000, toy("old")));
  CHECK_FALSE(wire.send(1'000, "cd"));
  CHECK_FALSE(wire.send(1'002, toy("new")));
  CHECK_FALSE(wire.send(1'009, toy("newer")));
  CHECK(wire.notes.take() == Lines{"toy:old[1]", "toy:new[3]", "toy:newer[4]"});
  CHECK(wire.send(900'000'000, "ab" + toy("far ahead").substr(0, 9)));  // wider than may be kept: no waiting
  CHECK_FALSE(wire.send(900'000'011, "head"));
  CHECK(wire.notes.take() == Lines{"toy:far ahead[5,6]", "free 5"});
}

TEST_CASE("FIN and RST end a stream, but a copy of its last segment is still known", "[tcp_streams]") {
  Wire wire;
  CHECK(wire.send(1, toy("a") + "MS"));
  CHECK_FALSE(wire.send(8, "\x80\x80", kFin));
  CHECK(wire.notes.take() == Lines{"toy:a[1]", "toy:[1,2]", "free 1"});
  CHECK_FALSE(wire.send(8, "\x80\x80", kFin));
  CHECK_FALSE(wire.send(1, toy("a")));
  CHECK(wire.notes.take() == Lines{"again 3=1", "again 4=0"});
  wire.wait(5100);
  CHECK_FALSE(wire.send(1, toy("a")));
  CHECK(wire.notes.take() == Lines{"toy:a[5]"});
  CHECK(wire.send(6, "MS"));
  CHECK_FALSE(wire.send(8, "", kRst));
  CHECK(wire.notes.take() == Lines{"free 6"});
}

TEST_CASE("A FIN ahead of a gap waits for the bytes in front of it", "[tcp_streams]") {
  Wire wire;
  CHECK(wire.send(1, toy("ab").substr(0, 3)));
  CHECK(wire.send(7, "", kFin));
  CHECK_FALSE(wire.send(4, toy("ab").substr(3)));
  CHECK(wire.notes.take() == Lines{"free 2", "toy:ab[1,3]", "free 1"});
}

TEST_CASE("A message longer than its protocol allows is given up, whole or in pieces", "[tcp_streams]") {
  Wire wire;
  const std::string large = toy(std::string(997, 'a'));  // 1001 bytes, one too many
  CHECK_FALSE(wire.send(1, large));
  CHECK(wire.send(1, large.substr(0, 999)));
  CHECK_FALSE(wire.send(1000, "aa"));
  CHECK(wire.notes.take() == Lines{"free 2"});
  const std::string largest = toy(std::string(996, 'a'));
  CHECK(wire.send(2000, largest.substr(0, 999)));
  CHECK_FALSE(wire.send(2999, "a"));
  CHECK(wire.notes.lines.front().starts_with("toy:aaa"));
}

TEST_CASE("A message in more segments than any sender has reason for is given up", "[tcp_streams]") {
  Wire wire;
  const std::string message = toy(std::string(600, 'a'));
  CHECK(wire.send(0, message.substr(0, 2)));
  for (std::uint32_t i = 2; i < 600; ++i) {
    const bool is_kept = wire.send(i, std::string_view(message).substr(i, 1));
    CHECK(is_kept == (i < 513));
  }
  CHECK(wire.notes.take().size() == 512);
}

TEST_CASE("What is kept is bounded for a stream and in all, and so is the number of streams", "[tcp_streams]") {
  Wire small_streams({.streams = 100, .bytes = 1 << 20, .stream_bytes = 600});
  CHECK(small_streams.send(1, "MS"));
  CHECK(small_streams.send(10, toy("x") + std::string(400, '.')));
  CHECK(small_streams.notes.take().empty());
  CHECK(small_streams.send(500, std::string(100, '.')));
  CHECK(small_streams.notes.take() == Lines{"free 1", "toy:x[2]", "free 2"});

  Wire small_total({.streams = 100, .bytes = 200, .stream_bytes = 600});
  for (std::uint8_t host = 1; host <= 4; ++host) CHECK(small_total.send(1, "MS", 0, host));
  CHECK(small_total.notes.take() == Lines{"free 1"});

  Wire few({.streams = 2, .bytes = 1 << 20, .stream_bytes = 600});
  CHECK(few.send(1, "MS", 0, 1));
  CHECK_FALSE(few.send(1, toy("a"), 0, 2));
  CHECK_FALSE(few.send(1, toy("b"), 0, 3));
  CHECK(few.notes.take() == Lines{"toy:a[2]", "free 1", "toy:b[3]"});
}

TEST_CASE("A stream ends by silence, and the largest time lets go of everything", "[tcp_streams]") {
  Wire wire;
  CHECK(wire.send(1, "MS", 0, 1));
  wire.wait(590'000);
  CHECK(wire.send(1, "MS", 0, 2));
  wire.wait(11'000);
  CHECK(wire.notes.take() == Lines{"free 1"});
  CHECK(wire.send(9, "b", 0, 2));
  wire.streams.expire(std::numeric_limits<std::int64_t>::max());
  CHECK(wire.notes.take() == Lines{"free 2", "free 3"});
}
