// Reads session descriptions (RFC 8866) as far as they say where media flows and how it is coded.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "common/packet/ip_address.h"

namespace lc::sip {

/// What a payload type stands for.
struct RtpPayload {
  std::string_view codec;        // encoding name; empty: not known
  std::uint32_t clock_rate = 0;  // of RTP timestamps, in Hz; 0: not known
};

/// The static payload types of RFC 3551 section 6; empty for others.
RtpPayload rtp_payload(std::uint8_t payload_type);

struct MediaFormat {
  static constexpr std::uint8_t kNoPayloadType = 255;  // not RTP: the format has a name, which is `codec`

  std::uint8_t payload_type = 0;
  std::uint32_t clock_rate = 0;  // as `codec`; 0: not known
  std::string_view codec;  // a=rtpmap's encoding name, or the static name of RFC 3551; empty: dynamic without rtpmap
};

/// One m= section.
struct Media {
  static constexpr std::size_t kMaxFormats = 32;

  std::string_view kind;      // audio, video, image ...
  std::string_view protocol;  // RTP/AVP, udptl ...
  packet::IpAddress address;  // c= of the section or the session; kNone: a host name, or none
  std::uint16_t port = 0;     // 0: refused or withdrawn
  std::uint16_t port_count = 1;
  packet::IpAddress rtcp_address;  // a=rtcp (RFC 3605), else `address`
  std::uint16_t rtcp_port = 0;     // a=rtcp, or the same with a=rtcp-mux accepted, else port + 1; 0: none
  std::array<MediaFormat, kMaxFormats> formats{};
  std::size_t format_count = 0;
  [[nodiscard]] std::span<const MediaFormat> all_formats() const { return {formats.data(), format_count}; }
  /// What RTP of that payload type carries here: as described, else as RFC 3551 says. A view into the same body.
  [[nodiscard]] RtpPayload payload(std::uint8_t payload_type) const;
};

struct Sdp {
  // o=, RFC 8866 section 5.2: whose session it is, and a number that rises with each change of it (RFC 3264 section 8).
  std::string_view session;          // user name and session id
  std::string_view session_address;  // network type to address
  std::uint64_t version = 0;
  static constexpr std::size_t kMaxMedia = 8;
  std::array<Media, kMaxMedia> media{};
  std::size_t media_count = 0;
  [[nodiscard]] std::span<const Media> all() const { return {media.data(), media_count}; }
};

/// The session description in a SIP body of that Content-Type: application/sdp, or a part of multipart/*. False when
/// there is none. Views into `body`. Any thread; never throws or allocates; any bytes are allowed.
bool parse_sdp(std::string_view content_type, std::string_view body, Sdp& sdp);

}  // namespace lc::sip
