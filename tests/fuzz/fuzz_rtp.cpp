// parse_rtp() and is_rtcp() with any bytes: headers lie inside them, and nothing that RFC 5761 allows is both.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "common/sip/rtp.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::uint8_t> datagram(data, data + size);  // of its own, so that AddressSanitizer sees its end
  lc::sip::Rtp rtp;
  if (lc::sip::parse_rtp(datagram, rtp)) {
    if (rtp.header_size < 12 || rtp.header_size > size || rtp.payload_type > 127) std::abort();
    const bool reserved = rtp.marker && rtp.payload_type >= 64 && rtp.payload_type <= 95;
    if (lc::sip::is_rtcp(datagram) && !reserved) std::abort();
  }
  return 0;
}
