#include "common/packet/sctp_messages.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <string_view>
#include <vector>

using namespace lc::packet;

namespace {

constexpr std::uint8_t kWhole = 3, kBegin = 2, kMiddle = 0, kEnd = 1;

std::vector<std::uint8_t> data_chunk(std::uint8_t flags, std::uint8_t number, std::string_view data,
                                     std::uint8_t stream = 0) {
  std::vector<std::uint8_t> bytes((16 + data.size() + 3) / 4 * 4);
  bytes[1] = flags;
  bytes[3] = static_cast<std::uint8_t>(16 + data.size());
  bytes[7] = number;
  bytes[9] = stream;
  std::copy(data.begin(), data.end(), bytes.begin() + 16);
  return bytes;
}

struct Finder {
  using Bytes = std::vector<std::uint8_t>;

  void add(FrameId frame, const std::vector<Bytes>& chunks, std::int64_t now_ns = 0) {
    payload.clear();
    for (const Bytes& chunk : chunks) payload.insert(payload.end(), chunk.begin(), chunk.end());
    IpPacket packet;
    packet.has_transport = true;
    packet.source_port = packet.destination_port = 5060;
    packet.payload = payload;
    messages.add(packet, frame, now_ns);
  }

  Bytes payload;
  std::vector<std::string> found;
  std::map<FrameId, int> held;
  SctpMessages messages{[this](std::span<const std::uint8_t> bytes, std::span<const FrameId> frames) {
                          std::string text(bytes.begin(), bytes.end());
                          for (const FrameId frame : frames) text += " " + std::to_string(frame);
                          found.push_back(text);
                        },
                        [this](FrameId frame) { ++held[frame]; },
                        [this](FrameId frame) {
                          if (--held[frame] == 0) held.erase(frame);
                        }};
};

using Found = std::vector<std::string>;

}  // namespace

TEST_CASE("SCTP user messages are found, several in a packet and one in several packets", "[sctp]") {
  Finder finder;
  finder.add(1, {data_chunk(kWhole, 1, "one"), data_chunk(kWhole, 2, "two"), data_chunk(kBegin, 3, "th")});
  CHECK(finder.found == Found{"one 1", "two 1"});
  finder.add(2, {data_chunk(kMiddle, 4, "re")});
  CHECK(finder.held.size() == 2);
  finder.add(3, {data_chunk(kEnd, 5, "e"), data_chunk(kWhole, 6, "four")});
  CHECK(finder.found == Found{"one 1", "two 1", "three 1 2 3", "four 3"});
  CHECK(finder.held.empty());
}

TEST_CASE("Fragments of two SCTP streams do not mix, and a repeated one changes nothing", "[sctp]") {
  Finder finder;
  finder.add(1, {data_chunk(kBegin, 1, "a", 1)});
  finder.add(2, {data_chunk(kBegin, 2, "b", 2)});
  finder.add(3, {data_chunk(kBegin, 1, "a", 1)});
  finder.add(4, {data_chunk(kEnd, 3, "B", 2)});
  finder.add(5, {data_chunk(kEnd, 2, "A", 1)});
  CHECK(finder.found == Found{"bB 2 4", "aA 1 5"});
  CHECK(finder.held.empty());
}

TEST_CASE("An SCTP message with a part missing is given up, and its frames let go", "[sctp]") {
  Finder finder;
  finder.add(1, {data_chunk(kBegin, 1, "a")});
  finder.add(2, {data_chunk(kEnd, 3, "c")});
  CHECK(finder.found.empty());
  CHECK(finder.held.empty());
  finder.add(3, {data_chunk(kBegin, 4, "d")}, 1);
  finder.messages.expire(5'000'000'000);
  CHECK(finder.held.size() == 1);
  finder.messages.expire(5'000'000'002);
  CHECK(finder.held.empty());
}

TEST_CASE("Chunks whose lengths lie end the look at an SCTP packet", "[sctp]") {
  Finder finder;
  finder.add(1, {data_chunk(kWhole, 1, "good"), {0, 3, 0, 200, 1, 2, 3, 4}, data_chunk(kWhole, 2, "behind")});
  finder.add(2, {{0, 3, 0, 0, 0, 0, 0, 0}});
  finder.add(3, {{0, 3, 0}});
  CHECK(finder.found == Found{"good 1"});
}
