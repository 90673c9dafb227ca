// parse_sdp() with any bytes: views inside the body, numbers within their ranges. The first line is the Content-Type.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "common/sip/sdp.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void require_inside(std::string_view view, std::string_view body) {
  require(view.empty() || (view.data() >= body.data() && view.data() + view.size() <= body.data() + body.size()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line = std::min(text.find('\n'), text.size());
  const std::string content_type(text.substr(0, line));
  const std::string body(text.substr(std::min(line + 1, text.size())));  // of their own: AddressSanitizer sees the ends
  lc::sip::Sdp sdp;
  const bool found = lc::sip::parse_sdp(content_type, body, sdp);
  require(sdp.media_count <= sdp.media.size() && (found || sdp.media_count == 0));
  for (const lc::sip::Media& media : sdp.all()) {
    require_inside(media.kind, body);
    require_inside(media.protocol, body);
    require(media.format_count <= media.formats.size());
    require(media.port_count >= 1 && (media.port_count == 1 || media.port + 2 * media.port_count <= 65'536));
    require(media.port != 0 || media.rtcp_port == 0);
    for (const lc::sip::MediaFormat& format : media.all_formats()) {
      require(format.payload_type < 128 || format.payload_type == lc::sip::MediaFormat::kNoPayloadType);
      if (format.codec != lc::sip::rtp_payload(format.payload_type).codec) require_inside(format.codec, body);
    }
  }
  return 0;
}
