// Any frames as a console would be told of them: every text is UTF-8 without control characters and bounded, and what
// is said fits together. A frame is its link type, its size and its bytes.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "common/base/text.h"
#include "common/info/describer.h"
#include "tests/fuzz/packet_pieces.h"

namespace {

using namespace lc;

void require(bool holds) {
  if (!holds) std::abort();
}

void require_safe(const std::string& text, std::size_t most) {
  require(terminal_safe(text, most) == text);
}

void check(const info::SipInfo& sip) {
  for (const std::string* text :
       {&sip.method, &sip.call_id, &sip.from_user, &sip.from_uri, &sip.from_tag, &sip.to_user, &sip.to_uri, &sip.to_tag,
        &sip.cseq_method, &sip.asserted_identity, &sip.visited_network_id}) {
    require_safe(*text, info::kLongestText);
  }
  if (!sip.access_network) return;
  for (const auto& [name, value] : sip.access_network->parameters) {
    require_safe(name, info::kLongestText);
    require_safe(value, info::kLongestText);
  }
}

void check(const info::DnsInfo& dns) {
  require_safe(dns.query_name, info::kLongestText);
  require(dns.is_response() || dns.response_code.empty());
  for (const info::DnsAnswer& answer : dns.answer_section) {
    require_safe(answer.name, info::kLongestText);
    require_safe(answer.data, 2 * info::kLongestText);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::array<std::uint32_t, 9> kLinkTypes = {1, 0, 101, 108, 113, 228, 229, 276, 147};
  static info::Describer describer;  // two tables of fixed size: too much to make for each input
  fuzz::Pieces pieces(data, size);
  while (!pieces.empty()) {
    const std::uint32_t link_type = kLinkTypes[pieces.u8() % kLinkTypes.size()];
    const std::vector<std::uint8_t> frame = pieces.bytes(pieces.u16());
    const info::PacketInfo info = describer.describe(link_type, frame);
    require(!info.protocol.empty());
    require_safe(info.line, info::kLongestLine);
    require((info.protocol == "SIP") == (info.sip != nullptr));
    require((info.protocol == "RTP") == info.rtp.has_value());
    require(info.source.family() == info.destination.family());
    if (info.sip) check(*info.sip);
    if (info.dns) check(*info.dns);
  }
  return 0;
}
