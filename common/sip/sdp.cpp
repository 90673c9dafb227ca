#include "common/sip/sdp.h"

#include <arpa/inet.h>

#include <algorithm>

#include "common/sip/text.h"

namespace lc::sip {
namespace {

using packet::IpAddress;

constexpr int kMaxNesting = 3;  // multiparts in multiparts

constexpr std::uint32_t kG722Clock = 8000;  // though it samples at 16,000 (RFC 3551 section 4.5.2)

// RFC 3551 section 6, tables 4 and 5.
constexpr auto kStaticPayloads = [] {
  std::array<RtpPayload, 35> payloads{};
  payloads[0] = {"PCMU", 8000};
  payloads[3] = {"GSM", 8000};
  payloads[4] = {"G723", 8000};
  payloads[5] = {"DVI4", 8000};
  payloads[6] = {"DVI4", 16'000};
  payloads[7] = {"LPC", 8000};
  payloads[8] = {"PCMA", 8000};
  payloads[9] = {"G722", kG722Clock};
  payloads[10] = {"L16", 44'100};
  payloads[11] = {"L16", 44'100};
  payloads[12] = {"QCELP", 8000};
  payloads[13] = {"CN", 8000};
  payloads[14] = {"MPA", 90'000};
  payloads[15] = {"G728", 8000};
  payloads[16] = {"DVI4", 11'025};
  payloads[17] = {"DVI4", 22'050};
  payloads[18] = {"G729", 8000};
  payloads[25] = {"CelB", 90'000};
  payloads[26] = {"JPEG", 90'000};
  payloads[28] = {"nv", 90'000};
  payloads[31] = {"H261", 90'000};
  payloads[32] = {"MPV", 90'000};
  payloads[33] = {"MP2T", 90'000};
  payloads[34] = {"H263", 90'000};
  return payloads;
}();

std::string_view take_word(std::string_view& text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  const std::size_t size = find_where(text, is_blank);
  const std::string_view word = text.substr(0, size);
  text.remove_prefix(size);
  return word;
}

std::string_view take_line(std::string_view& text) {
  std::string_view line = take_until(text, '\n');
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// As IpAddress::parse reads it, but without its allocations.
IpAddress parse_address(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size() || text.find('\0') != text.npos) return {};
  std::copy(text.begin(), text.end(), terminated.begin());
  std::array<std::uint8_t, 16> bytes{};
  if (::inet_pton(AF_INET, terminated.data(), bytes.data()) == 1) return IpAddress(std::span(bytes).first<4>());
  if (::inet_pton(AF_INET6, terminated.data(), bytes.data()) == 1) return IpAddress(std::span(bytes));
  return {};
}

// <nettype> <addrtype> <address>, RFC 8866 section 5.7; a multicast address has /ttl or /number behind it.
IpAddress connection_address(std::string_view value) {
  if (take_word(value) != "IN") return {};
  take_word(value);
  std::string_view address = take_word(value);
  return parse_address(take_until(address, '/'));
}

// <username> <sess-id> <sess-version> <nettype> <addrtype> <unicast-address>
void read_origin(std::string_view value, Sdp& sdp) {
  const char* const begin = value.data();
  take_word(value);
  const std::string_view id = take_word(value);
  sdp.session = {begin, static_cast<std::size_t>(id.data() + id.size() - begin)};
  sdp.version = number<std::uint64_t>(take_word(value)).value_or(0);
  sdp.session_address = trim(value);
}

// What only the whole section tells.
struct Section {
  Media* media = nullptr;  // null: before the first m=, or behind kMaxMedia
  bool has_address = false;
  bool has_rtcp = false;
  bool multiplexed = false;
};

void finish(Section& section, const IpAddress& session_address) {
  if (section.media == nullptr) return;
  Media& media = *section.media;
  if (!section.has_address) media.address = session_address;
  if (media.rtcp_address.family() == IpAddress::Family::kNone) media.rtcp_address = media.address;
  const bool flows = media.port != 0 && media.protocol.find("RTP/") != std::string_view::npos;
  if (!flows) {
    media.rtcp_port = 0;
  } else if (!section.has_rtcp) {
    media.rtcp_port = section.multiplexed ? media.port : static_cast<std::uint16_t>(media.port + 1);  // 65536: none
  }
  section = {};
}

// <media> <port>[/<number of ports>] <proto> <fmt> ..., RFC 8866 section 5.14.
void read_media(std::string_view value, Media& media) {
  media = {};
  media.kind = take_word(value);
  std::string_view ports = take_word(value);
  media.port = number<std::uint16_t>(take_until(ports, '/')).value_or(0);
  media.port_count = std::max<std::uint16_t>(number<std::uint16_t>(ports).value_or(1), 1);
  media.port_count =
      static_cast<std::uint16_t>(std::min(int{media.port_count}, std::max((65'536 - media.port) / 2, 1)));
  media.protocol = take_word(value);
  while (media.format_count < media.formats.size()) {
    const std::string_view format = take_word(value);
    if (format.empty()) break;
    const auto type = number<std::uint8_t>(format);
    if (type && *type < 128) {
      const RtpPayload payload = rtp_payload(*type);
      media.formats[media.format_count++] = {*type, payload.clock_rate, payload.codec};
    } else if (media.protocol == "udptl") {  // by name, as in `m=image 4000 udptl t38`
      media.formats[media.format_count++] = {MediaFormat::kNoPayloadType, 0, format};
    }
  }
}

// a=rtpmap:<payload type> <encoding name>/<clock rate>, RFC 8866 section 6.6.
void read_rtpmap(std::string_view value, Media& media) {
  const auto type = number<std::uint8_t>(take_word(value));
  std::string_view encoding = take_word(value);
  const std::string_view codec = take_until(encoding, '/');
  if (!type || codec.empty()) return;
  // Some write at what G.722 samples.
  const std::uint32_t clock_rate =
      is_word(codec, "g722") ? kG722Clock : number<std::uint32_t>(take_until(encoding, '/')).value_or(0);
  for (MediaFormat& format : std::span(media.formats).first(media.format_count)) {
    if (format.payload_type != *type) continue;
    format.codec = codec;
    format.clock_rate = clock_rate;
  }
}

void read_attribute(std::string_view value, Section& section) {
  const std::string_view name = take_until(value, ':');
  if (name == "rtpmap") {
    read_rtpmap(value, *section.media);
  } else if (name == "rtcp") {
    const auto port = number<std::uint16_t>(take_word(value));
    if (!port) return;
    section.has_rtcp = true;
    section.media->rtcp_port = *port;
    section.media->rtcp_address = connection_address(value);
  } else if (name == "rtcp-mux") {
    section.multiplexed = true;
  }
}

bool read_session(std::string_view body, Sdp& sdp) {
  body = trim(body);
  if (!body.starts_with("v=")) return false;
  IpAddress session_address;
  bool in_session = true;
  Section section;
  while (!body.empty()) {
    const std::string_view line = take_line(body);
    if (line.size() < 2 || line[1] != '=') continue;
    const std::string_view value = line.substr(2);
    if (line[0] == 'm') {
      finish(section, session_address);
      in_session = false;
      if (sdp.media_count == sdp.media.size()) break;
      section.media = &sdp.media[sdp.media_count++];
      read_media(value, *section.media);
    } else if (line[0] == 'c' && in_session) {
      session_address = connection_address(value);
    } else if (line[0] == 'o' && in_session) {
      read_origin(value, sdp);
    } else if (line[0] == 'c' && !section.has_address) {
      section.has_address = true;
      section.media->address = connection_address(value);
    } else if (line[0] == 'a' && !in_session) {
      read_attribute(value, section);
    }
  }
  finish(section, session_address);
  return true;
}

bool read_body(std::string_view content_type, std::string_view body, Sdp& sdp, int nesting);

// Headers, an empty line, content: RFC 2046 section 5.1.
bool read_part(std::string_view part, Sdp& sdp, int nesting) {
  std::string_view content_type;
  while (!part.empty()) {
    std::string_view line = take_line(part);
    if (line.empty()) return read_body(content_type, part, sdp, nesting);
    // A folded header goes on behind its line break.
    const char* const begin = line.data();
    while (!part.empty() && is_blank(part.front())) {
      const std::string_view folded = take_line(part);
      line = {begin, static_cast<std::size_t>(folded.data() + folded.size() - begin)};
    }
    const std::string_view name = trim(take_until(line, ':'));
    if (is_word(name, "content-type") || is_word(name, "c")) content_type = trim(line);
  }
  return false;
}

// Where `delimiter` begins a line, from `at` on.
std::size_t find_delimiter(std::string_view body, std::string_view boundary, std::size_t at) {
  for (; (at = body.find("--", at)) != std::string_view::npos; ++at) {
    if ((at == 0 || body[at - 1] == '\n') && body.substr(at + 2).starts_with(boundary)) return at;
  }
  return std::string_view::npos;
}

bool read_multipart(std::string_view boundary, std::string_view body, Sdp& sdp, int nesting) {
  constexpr std::size_t kMaxBoundary = 70;  // RFC 2046 section 5.1.1
  if (boundary.empty() || boundary.size() > kMaxBoundary) return false;
  std::size_t at = find_delimiter(body, boundary, 0);
  while (at != std::string_view::npos) {
    std::string_view part = body.substr(at + 2 + boundary.size());
    if (part.starts_with("--")) return false;
    const std::size_t next = find_delimiter(body, boundary, at + 2);
    if (next != std::string_view::npos) part = part.substr(0, next - at - 2 - boundary.size());
    take_line(part);
    if (read_part(part, sdp, nesting)) return true;
    at = next;
  }
  return false;
}

bool read_body(std::string_view content_type, std::string_view body, Sdp& sdp, int nesting) {
  std::string_view parameters = content_type;
  const std::string_view type = trim(take_until(parameters, ';'));
  if (is_word(type, "application/sdp")) return read_session(body, sdp);
  constexpr std::size_t kMultipart = std::string_view("multipart/").size();
  if (nesting == kMaxNesting || !is_word(type.substr(0, kMultipart), "multipart/")) return false;
  return read_multipart(parameter(parameters, "boundary"), body, sdp, nesting + 1);
}

}  // namespace

bool parse_sdp(std::string_view content_type, std::string_view body, Sdp& sdp) {
  sdp.media_count = 0;
  sdp.session = sdp.session_address = {};
  sdp.version = 0;
  return read_body(content_type, body, sdp, 0);
}

RtpPayload rtp_payload(std::uint8_t payload_type) {
  return payload_type < kStaticPayloads.size() ? kStaticPayloads[payload_type] : RtpPayload();
}

RtpPayload Media::payload(std::uint8_t payload_type) const {
  for (const MediaFormat& format : all_formats()) {
    if (format.payload_type == payload_type) return {format.codec, format.clock_rate};
  }
  return rtp_payload(payload_type);
}

}  // namespace lc::sip
