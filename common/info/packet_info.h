// What a packet says, for whoever looks at a list of packets: lippycat.data.PacketMetadata without protobuf.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/packet/ip_address.h"

namespace lc::info {

/// Longest info line, and longest text of any other field, in characters.
inline constexpr std::size_t kLongestLine = 200;
inline constexpr std::size_t kLongestText = 512;

/// RFC 7315 section 5.4.
struct AccessNetwork {
  std::string type;
  std::string bssid;
  std::string cell_id;
  std::string local_ip;
  std::vector<std::pair<std::string, std::string>> parameters;  // the others
};

/// lippycat.data.SIPMetadata.
struct SipInfo {
  std::string method;
  std::uint16_t status = 0;  // 0: a request
  std::string call_id;
  std::string from_user, from_uri, from_tag;
  std::string to_user, to_uri, to_tag;
  std::string cseq_method;
  std::string asserted_identity;
  std::optional<AccessNetwork> access_network;
  std::string visited_network_id;
};

/// RFC 3550 section 5.1.
struct RtpInfo {
  std::uint32_t ssrc = 0;
  std::uint8_t payload_type = 0;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
};

/// A resource record. Names of types and classes are those of IANA's registries, or as RFC 3597 section 5 writes them.
struct DnsAnswer {
  std::string name;
  std::string type;
  std::string rr_class;
  std::uint32_t ttl_s = 0;
  std::string data;  // empty for types that have no text form here
};

/// RFC 1035 section 4.1.
struct DnsInfo {
  std::uint16_t id = 0;
  std::uint16_t flags = 0;  // the header's second field
  std::uint16_t questions = 0, answers = 0, authorities = 0, additionals = 0;
  std::string opcode;
  std::string response_code;  // empty in a query
  std::string query_name, query_type, query_class;
  std::vector<DnsAnswer> answer_section;  // the first ones

  [[nodiscard]] bool is_response() const { return (flags & 0x8000) != 0; }
};

/// Each text is well-formed UTF-8 that a terminal can be given, and bounded.
struct PacketInfo {
  std::string_view protocol;           // innermost; a literal. Empty: nothing was described
  std::string_view transport;          // a literal
  packet::IpAddress source;            // of the innermost IP header
  packet::IpAddress destination;       // likewise
  std::uint16_t source_port = 0;       // 0: none
  std::uint16_t destination_port = 0;  // likewise
  std::string line;                    // one line for a list, in the manner of tshark's Info column
  std::optional<RtpInfo> rtp;
  std::unique_ptr<const SipInfo> sip;
  std::unique_ptr<const DnsInfo> dns;

  /// What it costs to keep, about.
  [[nodiscard]] std::size_t memory_bytes() const;
};

/// A foreign text as it may stand in a field, and the begin of one for a line, which is made safe as a whole later.
std::string field_text(std::string_view text);
inline std::string_view line_part(std::string_view text) {
  return text.substr(0, kLongestLine * 4);
}

}  // namespace lc::info
