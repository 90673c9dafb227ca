// Prints the SIP messages of a capture file, a JSON object a line, for comparing with another decoder: through tunnels,
// out of fragments, in UDP, TCP, WebSocket and SCTP.
// Usage: sip_dump FILE. libpcap's error, if any, goes to standard error, with exit code 1 behind the messages before
// it.
#include <pcap/pcap.h>

#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/packet/decode.h"
#include "common/packet/reassembly.h"
#include "common/packet/sctp_messages.h"
#include "common/packet/tcp_streams.h"
#include "common/packet/tunnel.h"
#include "common/sip/message.h"
#include "common/sip/sdp.h"

namespace {

namespace packet = lc::packet;
namespace sip = lc::sip;
using Bytes = std::span<const std::uint8_t>;
using Frames = std::vector<packet::FrameId>;

// Bytes above 127 as the characters of those numbers.
std::string json(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f || c == '"' || c == '\\') {
      std::array<char, 7> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "\\u%04x", static_cast<unsigned>(byte));
      out += escaped.data();
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string json(const sip::Media& media) {
  std::string codecs;
  for (const sip::MediaFormat& format : media.all_formats()) {
    codecs += (codecs.empty() ? "[" : ",[") + std::to_string(format.payload_type) + "," + json(format.codec) + "]";
  }
  return "{\"kind\":" + json(media.kind) + ",\"address\":" + json(media.address.text()) +
         ",\"port\":" + std::to_string(media.port) + ",\"protocol\":" + json(media.protocol) + ",\"formats\":[" +
         codecs + "]}";
}

void print(Bytes bytes, std::string_view transport, const Frames& frames) {
  static sip::Message message;  // its parties need not be cleared each time, as a capture thread's would not be
  if (!sip::parse_message(bytes, message)) return;
  std::string line = "{\"transport\":" + json(transport) + ",\"frames\":[";
  for (std::size_t i = 0; i < frames.size(); ++i) line += (i == 0 ? "" : ",") + std::to_string(frames[i]);
  line += "]";
  const auto add = [&line](const char* name, std::string_view value) {
    line += std::string(",\"") + name + "\":" + json(value);
  };
  add("method", message.is_request ? message.method : "");
  add("status", message.is_request ? "" : std::to_string(message.status));
  add("request_uri", message.request_uri);
  add("call_id", message.call_id);
  add("cseq", std::to_string(message.cseq));
  add("cseq_method", message.cseq_method);
  add("from_tag", message.from_tag);
  add("to_tag", message.to_tag);
  add("branch", message.branch);
  add("vias", std::to_string(message.vias));
  for (const auto& [name, identity] : {std::pair{"from", sip::Identity::kFrom}, {"to", sip::Identity::kTo}}) {
    sip::Uri uri;
    sip::parse_uri(message.value_of(identity), uri);
    add((std::string(name) + "_uri").c_str(), uri.text);
    add((std::string(name) + "_user").c_str(), uri.user);
    add((std::string(name) + "_host").c_str(), uri.host);
  }
  std::string media;
  sip::Sdp sdp;
  sip::parse_sdp(message.content_type, message.body, sdp);
  add("session", sdp.session);
  add("version", sdp.session.empty() ? "" : std::to_string(sdp.version));
  for (const sip::Media& one : sdp.all()) media += (media.empty() ? "" : ",") + json(one);
  std::puts((line + ",\"media\":[" + media + "]}").c_str());
}

class Reader : packet::TcpStreams::Sink {
 public:
  void frame(std::uint32_t link_type, Bytes bytes, packet::FrameId number, std::int64_t now_ns) {
    reassembler_.expire(now_ns);
    streams_.expire(now_ns);
    judge(packet::decode(link_type, bytes).ip, {number}, now_ns);
  }

 private:
  static constexpr std::uint8_t kTcp = 6;
  static constexpr std::uint8_t kUdp = 17;
  static constexpr std::uint8_t kSctp = 132;
  static constexpr std::size_t kWebsocket = 1;  // in the streams' list of protocols

  /// `frames`: all that carry this packet, the one that completes it last.
  void judge(const packet::IpPacket& ip, const Frames& frames, std::int64_t now_ns) {
    if (ip.version == 0) return;
    packet::Decoded inner;
    if (ip.is_fragment()) {
      carriers_[frames.back()] = frames;
      const packet::Reassembler::Datagram* const whole = reassembler_.add(ip, frames.back(), now_ns);
      if (whole == nullptr) return;
      Frames all;
      for (const packet::FrameId frame : whole->frames) {
        all.insert(all.end(), carriers_[frame].begin(), carriers_[frame].end());
      }
      // Judging the inner packet may ask the reassembler again.
      const std::vector<std::uint8_t> payload(whole->ip.payload.begin(), whole->ip.payload.end());
      packet::IpPacket copy = whole->ip;
      copy.payload = payload;
      judge(copy, all, now_ns);
    } else if (packet::decode_inner(ip, inner)) {
      judge(inner.ip, frames, now_ns);
    } else if (ip.has_transport && ip.protocol == kUdp) {
      if (sip::begins_message(ip.payload)) print(ip.payload, "udp", frames);
    } else if (ip.has_transport && ip.protocol == kTcp) {
      carriers_[frames.back()] = frames;
      streams_.add(ip, frames.back(), now_ns);
    } else if (ip.has_transport && ip.protocol == kSctp) {
      carriers_[frames.back()] = frames;
      sctp_.add(ip, frames.back(), now_ns);
    }
  }

  std::uint32_t message(std::size_t protocol, const packet::StreamEnds&, Bytes bytes,
                        std::span<const packet::FrameId> frames) override {
    Frames all;
    for (const packet::FrameId frame : frames) {
      all.insert(all.end(), carriers_[frame].begin(), carriers_[frame].end());
    }
    std::vector<std::uint8_t> room(bytes.size());
    if (protocol == kWebsocket) {
      print(sip::websocket_payload(bytes, room), "websocket", all);
    } else {
      print(bytes, "tcp", all);
    }
    return 0;
  }
  void sctp(Bytes bytes, std::span<const packet::FrameId> frames) {
    Frames all;
    for (const packet::FrameId frame : frames) {
      all.insert(all.end(), carriers_[frame].begin(), carriers_[frame].end());
    }
    print(bytes, "sctp", all);
  }
  void repeated(packet::FrameId, std::uint32_t) override {}
  void released(packet::FrameId) override {}

  std::map<packet::FrameId, Frames> carriers_;
  packet::Reassembler reassembler_{{}, [](const packet::Reassembler::Datagram&) {}};
  packet::TcpStreams streams_{{sip::stream_protocol(), sip::websocket_protocol()}, {}, *this};
  packet::SctpMessages sctp_{[this](Bytes bytes, std::span<const packet::FrameId> frames) { sctp(bytes, frames); },
                             [](packet::FrameId) {}, [](packet::FrameId) {}};
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: sip_dump FILE\n", stderr);
    return 2;
  }
  std::array<char, PCAP_ERRBUF_SIZE> error{};
  const std::unique_ptr<pcap_t, decltype(&pcap_close)> file(
      pcap_open_offline_with_tstamp_precision(argv[1], PCAP_TSTAMP_PRECISION_NANO, error.data()), &pcap_close);
  if (!file) {
    std::fprintf(stderr, "%s\n", error.data());
    return 1;
  }
  const auto link_type = static_cast<std::uint32_t>(pcap_datalink(file.get()));
  Reader reader;
  pcap_pkthdr* header = nullptr;
  const u_char* data = nullptr;
  int result = 0;
  for (packet::FrameId number = 1; (result = pcap_next_ex(file.get(), &header, &data)) == 1; ++number) {
    const std::int64_t now_ns = header->ts.tv_sec * std::int64_t{1'000'000'000} + header->ts.tv_usec;
    reader.frame(link_type, {data, header->caplen}, number, now_ns);
  }
  if (result == PCAP_ERROR_BREAK) return 0;
  std::fprintf(stderr, "%s\n", pcap_geterr(file.get()));
  return 1;
}
