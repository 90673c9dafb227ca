// SIP calls as Ethernet frames, for tests. Checksums are left 0.
#pragma once

#include <arpa/inet.h>

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace lc::test {

using Bytes = std::vector<std::uint8_t>;

/// An IPv4 address and a port.
struct Host {
  std::string address;
  std::uint16_t port = 0;
};

inline void put16(Bytes& out, std::size_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}
inline void put32(Bytes& out, std::uint32_t value) {
  put16(out, value >> 16);
  put16(out, value & 0xffff);
}
inline Bytes bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}

inline constexpr std::uint8_t kUdpProtocol = 17;
inline constexpr std::uint8_t kTcpProtocol = 6;

/// `fragment`: the IPv4 header's word of flags and offset.
inline Bytes ipv4_frame(const std::string& source, const std::string& destination, std::uint8_t protocol,
                        const Bytes& payload, std::uint16_t id = 0, std::uint16_t fragment = 0) {
  Bytes frame = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0};
  put16(frame, 20 + payload.size());
  put16(frame, id);
  put16(frame, fragment);
  frame.insert(frame.end(), {64, protocol, 0, 0});
  for (const std::string* address : {&source, &destination}) {
    in_addr parsed{};
    if (::inet_pton(AF_INET, address->c_str(), &parsed) != 1) throw std::invalid_argument(*address);
    put32(frame, ntohl(parsed.s_addr));
  }
  frame.insert(frame.end(), payload.begin(), payload.end());
  return frame;
}

inline Bytes udp_datagram(const Host& from, const Host& to, const Bytes& payload) {
  Bytes udp;
  put16(udp, from.port);
  put16(udp, to.port);
  put16(udp, 8 + payload.size());
  put16(udp, 0);
  udp.insert(udp.end(), payload.begin(), payload.end());
  return udp;
}
inline Bytes udp_frame(const Host& from, const Host& to, const Bytes& payload) {
  return ipv4_frame(from.address, to.address, kUdpProtocol, udp_datagram(from, to, payload));
}
/// The same in IPv4 fragments of at most `size` bytes (a multiple of 8).
inline std::vector<Bytes> udp_fragments(const Host& from, const Host& to, const Bytes& payload, std::size_t size,
                                        std::uint16_t id) {
  const Bytes udp = udp_datagram(from, to, payload);
  std::vector<Bytes> frames;
  for (std::size_t at = 0; at < udp.size(); at += size) {
    const std::size_t end = std::min(at + size, udp.size());
    const Bytes part(udp.begin() + static_cast<std::ptrdiff_t>(at), udp.begin() + static_cast<std::ptrdiff_t>(end));
    const auto fragment = static_cast<std::uint16_t>(at / 8 | (end < udp.size() ? 0x2000U : 0U));
    frames.push_back(ipv4_frame(from.address, to.address, kUdpProtocol, part, id, fragment));
  }
  return frames;
}

inline constexpr std::uint8_t kTcpFin = 1;
inline constexpr std::uint8_t kTcpAck = 16;

inline Bytes tcp_frame(const Host& from, const Host& to, std::uint32_t sequence, const Bytes& payload,
                       std::uint8_t flags = kTcpAck) {
  Bytes tcp;
  put16(tcp, from.port);
  put16(tcp, to.port);
  put32(tcp, sequence);
  put32(tcp, 1);
  tcp.insert(tcp.end(), {0x50, flags, 0x20, 0, 0, 0, 0, 0});
  tcp.insert(tcp.end(), payload.begin(), payload.end());
  return ipv4_frame(from.address, to.address, kTcpProtocol, tcp);
}

inline constexpr std::size_t kRtpHeader = 12;
/// Ethernet, IPv4, UDP and RTP.
inline constexpr std::size_t kRtpHeadersInFrame = 14 + 20 + 8 + kRtpHeader;

inline Bytes rtp_packet(std::uint32_t ssrc, std::uint16_t sequence, std::uint8_t payload_type = 0) {
  Bytes rtp = {0x80, payload_type};
  put16(rtp, sequence);
  put32(rtp, sequence * 160U);
  put32(rtp, ssrc);
  rtp.resize(rtp.size() + 160, 0xd5);
  return rtp;
}
inline Bytes rtcp_packet(std::uint32_t ssrc) {
  Bytes rtcp = {0x80, 201, 0, 1};  // a receiver report without blocks
  put32(rtcp, ssrc);
  return rtcp;
}

/// `whose`: the address in o=, which stays when the media moves; its own if "".
inline std::string sdp_text(const Host& media, std::string_view formats = "0 8", unsigned version = 1,
                            const std::string& whose = "") {
  return "v=0\r\no=- 1 " + std::to_string(version) + " IN IP4 " + (whose.empty() ? media.address : whose) +
         "\r\ns=-\r\nc=IN IP4 " + media.address + "\r\nt=0 0\r\nm=audio " + std::to_string(media.port) + " RTP/AVP " +
         std::string(formats) + "\r\n";
}

/// A phone call of two user agents; what its messages and media are on the wire.
struct SipCall {
  std::string id = "the-call";
  std::string caller = "alice", callee = "bob";
  std::string caller_tag = "a-tag", callee_tag = "b-tag";
  std::string via = "SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK1";
  Host caller_sip{"10.0.0.1", 5060}, callee_sip{"10.0.0.2", 5060};
  Host caller_media{"10.0.0.1", 4000}, callee_media{"10.0.0.2", 5000};
  std::uint32_t caller_ssrc = 0xa11ce, callee_ssrc = 0xb0b;

  /// Header lines end with CR LF in `more`.
  [[nodiscard]] std::string message(const std::string& start_line, const std::string& cseq, bool in_dialog,
                                    bool by_callee, const std::string& more, const std::string& body) const {
    const std::string from = by_callee ? callee : caller;
    const std::string to = by_callee ? caller : callee;
    const std::string from_tag = by_callee ? callee_tag : caller_tag;
    const std::string to_tag = by_callee ? caller_tag : callee_tag;
    return start_line + "\r\nVia: " + via + "\r\nFrom: <sip:" + from + "@example.org>;tag=" + from_tag +
           "\r\nTo: <sip:" + to + "@example.org>" + (in_dialog ? ";tag=" + to_tag : "") + "\r\nCall-ID: " + id +
           "\r\nCSeq: " + cseq + "\r\n" + more + (body.empty() ? "" : "Content-Type: application/sdp\r\n") +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  [[nodiscard]] Bytes by(bool callee_sends, const std::string& text) const {
    return callee_sends ? udp_frame(callee_sip, caller_sip, bytes_of(text))
                        : udp_frame(caller_sip, callee_sip, bytes_of(text));
  }

  [[nodiscard]] std::string invite_text(unsigned cseq = 1, const std::string& more = "") const {
    return message("INVITE sip:" + callee + "@example.org SIP/2.0", std::to_string(cseq) + " INVITE", false, false,
                   more, sdp_text(caller_media));
  }
  [[nodiscard]] Bytes invite(unsigned cseq = 1, const std::string& more = "") const {
    return by(false, invite_text(cseq, more));
  }
  [[nodiscard]] std::string answer_text(unsigned status, unsigned cseq, bool with_sdp, const std::string& more) const {
    return message("SIP/2.0 " + std::to_string(status) + " Whatever", std::to_string(cseq) + " INVITE", status != 100,
                   false, more, with_sdp ? sdp_text(callee_media) : "");
  }
  [[nodiscard]] Bytes answer(unsigned status, unsigned cseq = 1, const std::string& more = "") const {
    const bool with_sdp = status == 183 || status / 100 == 2;
    return by(true, answer_text(status, cseq, with_sdp, more));
  }
  [[nodiscard]] Bytes ack(unsigned cseq = 1) const { return request("ACK", cseq); }
  [[nodiscard]] Bytes cancel() const { return request("CANCEL", 1); }
  [[nodiscard]] Bytes bye(bool by_callee = false) const { return request("BYE", 9, by_callee); }
  [[nodiscard]] Bytes request(const std::string& method, unsigned cseq, bool by_callee = false,
                              const std::string& body = "") const {
    return by(by_callee, message(method + " sip:x@example.org SIP/2.0", std::to_string(cseq) + " " + method, true,
                                 by_callee, "", body));
  }
  /// The answer to a request in the dialog.
  [[nodiscard]] Bytes ok_to(const std::string& method, unsigned cseq, bool asked_by_callee) const {
    return by(!asked_by_callee,
              message("SIP/2.0 200 OK", std::to_string(cseq) + " " + method, true, asked_by_callee, "",
                      method == "INVITE" ? sdp_text(asked_by_callee ? caller_media : callee_media) : ""));
  }

  [[nodiscard]] Bytes rtp_from_caller(std::uint16_t sequence = 1) const {
    return udp_frame(caller_media, callee_media, rtp_packet(caller_ssrc, sequence));
  }
  [[nodiscard]] Bytes rtp_from_callee(std::uint16_t sequence = 1) const {
    return udp_frame(callee_media, caller_media, rtp_packet(callee_ssrc, sequence));
  }
};

/// A call whose names, addresses and ports no other number's call has; numbers below 60,000.
inline SipCall numbered_call(unsigned number) {
  SipCall call;
  const std::string tail = "." + std::to_string(number / 250 % 250) + "." + std::to_string(number % 250 + 1);
  call.id = "call-" + std::to_string(number);
  call.caller = "caller" + std::to_string(number);
  call.callee = "callee" + std::to_string(number);
  call.caller_sip.address = call.caller_media.address = "10.1" + tail;
  call.callee_sip.address = call.callee_media.address = "10.2" + tail;
  call.caller_ssrc = 2 * number + 1;
  call.callee_ssrc = 2 * number + 2;
  return call;
}

}  // namespace lc::test
