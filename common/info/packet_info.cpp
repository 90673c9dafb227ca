#include "common/info/packet_info.h"

#include "common/base/text.h"

namespace lc::info {

std::size_t PacketInfo::memory_bytes() const {
  constexpr std::size_t kAnswer = sizeof(DnsAnswer) + 32;
  constexpr std::size_t kSip = sizeof(SipInfo) + 256;  // Call-ID, URIs and tags are rarely short
  std::size_t bytes = sizeof(PacketInfo) + line.size();
  if (sip) bytes += kSip;
  if (dns) bytes += sizeof(DnsInfo) + dns->answer_section.size() * kAnswer;
  return bytes;
}

std::string field_text(std::string_view text) {
  return terminal_safe(text.substr(0, kLongestText * 4), kLongestText);
}

}  // namespace lc::info
