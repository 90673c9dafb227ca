// SIP over TCP in real captures: the messages, and the frames that carry each, are those that tshark reassembles.
#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/packet/tcp_streams.h"
#include "tests/unit/packet/shared_packets.h"

namespace {

using lc::packet::Decoded;
using lc::packet::FrameId;
using lc::packet::Framing;
using lc::packet::StreamEnds;
using lc::packet::TcpStreams;
using Bytes = std::span<const std::uint8_t>;

std::string_view text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// As little of RFC 3261 as these captures need.
bool begins_sip(Bytes bytes) {
  const std::string_view line = text(bytes).substr(0, text(bytes).find("\r\n"));
  return line.starts_with("SIP/2.0 ") || line.ends_with(" SIP/2.0");
}
Framing frame_sip(Bytes bytes) {
  const std::string_view all = text(bytes);
  if (all.starts_with("\r\n")) return {Framing::Kind::kSkip, 2};
  const std::size_t body = all.find("\r\n\r\n");
  if (body == std::string_view::npos) return {Framing::Kind::kMore};
  if (!begins_sip(bytes)) return {Framing::Kind::kLost};
  const std::size_t field = all.find("\r\nContent-Length:");
  if (field > body) return {Framing::Kind::kLost};
  const std::size_t size = body + 4 + std::stoul(std::string(all.substr(field + 17, 10)));
  return size > all.size() ? Framing{Framing::Kind::kMore} : Framing{Framing::Kind::kMessage, size};
}

class Collected final : public TcpStreams::Sink {
 public:
  std::uint32_t message(std::size_t, const StreamEnds&, Bytes, std::span<const FrameId> frames) override {
    messages.insert({frames.begin(), frames.end()});
    return 0;
  }
  void repeated(FrameId, std::uint32_t) override {}
  void released(FrameId frame) override { CHECK(kept.erase(frame) == 1); }

  std::multiset<std::vector<FrameId>> messages;  // by their frames
  std::set<FrameId> kept;
};

}  // namespace

TEST_CASE("Captured SIP messages over TCP are carried by the frames that tshark says", "[tcp_streams]") {
  const std::map<std::string, std::string> captures = {
      {"sip-tcp-port-6060-70-dialogs.pcap", "-d tcp.port==6060,sip"},
      {"sip-tcp-segmented-invite.pcap", ""},
      {"sip-tcp-call-rtp-pcma.pcap", ""},
  };
  for (const auto& [name, options] : captures) {
    const auto path = lc::packet::test::shared_file(name);
    if (!path) continue;
    std::multiset<std::vector<FrameId>> judged;
    for (const auto& fields : lc::packet::test::tshark_fields(*path, {"frame.number", "tcp.segment", "sip.Call-ID"},
                                                              "-Y 'sip and tcp' " + options)) {
      std::vector<FrameId> frames;
      for (const std::string& segment : fields[1].empty() ? fields[0] : fields[1])
        frames.push_back(std::stoul(segment));
      REQUIRE(fields[2].size() == 1);
      judged.insert(frames);
    }
    REQUIRE(judged.size() > 2);

    Collected collected;
    TcpStreams streams({{begins_sip, frame_sip}}, {}, collected);
    FrameId frame = 0;
    for (const auto& packet : lc::packet::test::read_packets(*path)) {
      const Decoded decoded = lc::packet::decode(packet.link_type, packet.bytes);
      ++frame;
      if (decoded.ip.protocol != 6 || !decoded.ip.has_transport) continue;
      if (streams.add(decoded.ip, frame, packet.at_ns)) collected.kept.insert(frame);
      streams.expire(packet.at_ns);
    }
    streams.expire(std::numeric_limits<std::int64_t>::max());
    CHECK(collected.kept.empty());
    INFO(name);
    CHECK(collected.messages == judged);
  }
}
