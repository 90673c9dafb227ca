// The quality of each RTP stream of a capture file, for comparing with what another program says of it.
//
//   rtp_dump FILE [AFTER EVERY]
//
// Prints a JSON object a line for everything in UDP that looks like RTP, by ends and SSRC. With numbers AFTER and EVERY
// it passes over each frame whose number leaves the rest AFTER when divided by EVERY, as a sensor that drops frames,
// and says so (RtpQuality::resume).
#include <algorithm>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>
#include <vector>

#include "common/calls/dissector.h"
#include "common/calls/endpoint.h"
#include "common/calls/rtp_quality.h"
#include "common/capture/file_source.h"
#include "common/sip/message.h"
#include "common/sip/rtp.h"
#include "common/sip/sdp.h"

namespace {

using namespace lc;
using Bytes = std::span<const std::uint8_t>;

constexpr std::uint8_t kUdp = 17;

class Streams final : calls::Dissector::Handler {
 public:
  void look(const packet::PacketView& frame, std::uint32_t link_type) {
    now_ns_ = frame.timestamp_ns;
    dissector_.add(frames_.begin(frame, {0, link_type}), link_type, now_ns_);
    frames_.finish();
  }
  void print() const {
    for (const auto& [name, stream] : streams_) {
      const calls::RtpQuality::Report report = stream.quality.report();
      const auto& [source, destination, ssrc] = name;
      const auto most = std::max_element(stream.codecs.begin(), stream.codecs.end(),
                                         [](const auto& a, const auto& b) { return a.second < b.second; });
      const nlohmann::ordered_json line = {{"source", source},
                                           {"destination", destination},
                                           {"ssrc", ssrc},
                                           {"codec", most->first},
                                           {"packets", report.packets},
                                           {"expected", report.expected},
                                           {"lost", report.lost},
                                           {"reordered", report.reordered},
                                           {"duplicates", report.duplicates},
                                           {"jitter_ms", report.jitter_ms},
                                           {"mean_jitter_ms", report.mean_jitter_ms},
                                           {"max_jitter_ms", report.max_jitter_ms},
                                           {"first_ns", report.first_ns},
                                           {"last_ns", report.last_ns},
                                           {"mos", calls::mos_estimate(most->first, report)}};
      std::cout << line << '\n';
    }
  }

 private:
  struct Payload {
    std::string codec;
    std::uint32_t clock_rate = 0;
  };
  struct Stream {
    calls::RtpQuality quality;
    std::map<std::string, std::uint64_t> codecs;  // packets of each
  };

  void header(const packet::IpPacket&, calls::FrameId, bool) override {}
  void repeated(calls::FrameId, std::uint32_t) override {}
  void segment(const packet::IpPacket&, calls::FrameId) override {}
  std::uint32_t message(std::size_t protocol, const packet::StreamEnds&, Bytes bytes,
                        std::span<const calls::FrameId>) override {
    room_.resize(bytes.size());
    note(protocol == 1 ? sip::websocket_payload(bytes, room_) : bytes);
    return 0;
  }
  void datagram(const packet::IpPacket& ip, calls::FrameId) override {
    if (ip.protocol != kUdp || !ip.has_transport || note(ip.payload)) return;
    sip::Rtp rtp;
    if (sip::is_rtcp(ip.payload) || !sip::parse_rtp(ip.payload, rtp)) return;
    const calls::Endpoint from{ip.source, ip.source_port};
    const calls::Endpoint to{ip.destination, ip.destination_port};
    Stream& stream = streams_[{text_of(from), text_of(to), rtp.ssrc}];
    const Payload payload = payload_of(from, to, rtp.payload_type);
    ++stream.codecs[payload.codec];
    stream.quality.add(rtp.sequence, rtp.timestamp, rtp.payload_type, rtp.marker, now_ns_, payload.clock_rate);
  }

  bool note(Bytes bytes) {
    sip::Message message;
    if (!sip::begins_message(bytes) || !sip::parse_message(bytes, message)) return false;
    sip::Sdp sdp;
    if (!sip::parse_sdp(message.content_type, message.body, sdp)) return true;
    for (const sip::Media& media : sdp.all()) {
      for (const sip::MediaFormat& format : media.all_formats()) {
        payloads_[calls::text_of({media.address, media.port})][format.payload_type] = {std::string(format.codec),
                                                                                       format.clock_rate};
      }
    }
    return true;
  }
  // The receiver says what the numbers mean; its description may not have passed.
  Payload payload_of(const calls::Endpoint& from, const calls::Endpoint& to, std::uint8_t type) {
    for (const calls::Endpoint& end : {to, from}) {
      const auto described = payloads_.find(text_of(end));
      if (described == payloads_.end()) continue;
      const auto found = described->second.find(type);
      if (found != described->second.end()) return found->second;
    }
    const sip::RtpPayload known = sip::rtp_payload(type);
    return {std::string(known.codec), known.clock_rate};
  }

  calls::FrameStore frames_;
  calls::Dissector dissector_{{sip::stream_protocol(), sip::websocket_protocol()}, frames_, *this};
  std::map<std::string, std::map<std::uint8_t, Payload>> payloads_;  // by address:port
  std::map<std::tuple<std::string, std::string, std::uint32_t>, Stream> streams_;
  std::vector<std::uint8_t> room_;
  std::int64_t now_ns_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: rtp_dump FILE\n";
    return 2;
  }
  auto source = capture::FileSource::open(argv[1], {});
  if (!source) {
    std::cerr << source.error().text << '\n';
    return 1;
  }
  Streams streams;
  const capture::PacketConsumer look = [&](const packet::PacketView& frame) {
    streams.look(frame, (*source)->link_type());
  };
  while ((*source)->dispatch(1000, look).state == capture::ReadState::kReading) {
  }
  streams.print();
  return 0;
}
