// Reads SIP messages (RFC 3261) in place.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "common/packet/tcp_streams.h"

namespace lc::sip {

/// The parts of a URI (RFC 3261 section 19.1, RFC 3966), as they stand in the message.
struct Uri {
  std::string_view scheme;  // sip, sips, tel ...
  std::string_view user;    // before @, without password; the number of a tel: URI; empty when missing
  std::string_view host;    // without port; empty for tel:
  std::string_view text;    // the whole, without display name, <> and header parameters
};

/// A URI or a header value that holds one (`"Bob" <sip:bob@b.example;x=y>;tag=1`). False when there is none.
bool parse_uri(std::string_view value, Uri& uri);

/// The header fields that say who takes part.
enum class Identity : std::uint8_t {
  kRequestUri,
  kFrom,
  kTo,
  kContact,
  kAssertedIdentity,   // P-Asserted-Identity, RFC 3325
  kPreferredIdentity,  // P-Preferred-Identity, RFC 3325
  kCalledPartyId,      // P-Called-Party-ID, RFC 7315
};

/// Views into the message's bytes; nothing is copied. Values are without leading and trailing white space; a folded one
/// contains its line break. Of a header that is there several times the first counts, unless said otherwise.
struct Message {
  struct Party {
    Identity identity = Identity::kFrom;
    std::string_view value;
  };
  static constexpr std::size_t kMaxParties = 16;

  bool is_request = false;
  std::string_view method;       // of the request, or of a response's CSeq
  std::string_view request_uri;  // requests
  std::uint16_t status = 0;      // responses: 100 to 699
  std::string_view reason;       // responses
  std::string_view call_id;
  // Of the topmost Via: names the transaction on this hop, in its request, answers and CANCEL (RFC 3261
  // section 8.1.1.7).
  std::string_view branch;
  std::uint32_t vias = 0;  // values of all Via headers: one more on each hop behind the caller
  std::string_view from_tag;
  std::string_view to_tag;
  std::uint32_t cseq = 0;
  std::string_view cseq_method;
  std::string_view content_type;
  std::string_view authorization;          // Authorization or, without one, Proxy-Authorization
  std::string_view access_network_info;    // P-Access-Network-Info, RFC 7315
  std::string_view visited_network_id;     // P-Visited-Network-ID, RFC 7315
  std::string_view session_id;             // Session-ID, RFC 7989 (and RFC 7329)
  std::string_view charging_vector;        // P-Charging-Vector, RFC 7315
  std::string_view other_call_id;          // X-CID or X-Call-ID: of the call's other leg, or of all
  std::string_view body;                   // Content-Length bytes, or what there is
  std::array<Party, kMaxParties> parties;  // every value of the identity headers (lists split at commas)
  std::size_t party_count = 0;

  Message() {}  // not defaulted: GCC then clears it by `rep stos`, which takes longer

  [[nodiscard]] std::span<const Party> who() const { return {parties.data(), party_count}; }
  [[nodiscard]] std::string_view value_of(Identity identity) const;  // the first of that kind; empty: none
};

/// Whether these bytes begin like a SIP message: a whole request line or status line, perhaps behind empty lines (RFC
/// 3261 section 7.5). Any method counts. Quick: a few bytes decide for nearly everything that is none.
bool begins_message(std::span<const std::uint8_t> bytes);

/// Reads the message that begins with the first byte or behind empty lines. False without a start line or a Call-ID.
/// One that is cut short, before its Call-ID too, gives what is there, without a header line that is not whole. Any
/// thread; never throws or allocates; any bytes are allowed. Compact names, folded lines, lone LF and CR LF too.
bool parse_message(std::span<const std::uint8_t> bytes, Message& message);

/// SIP in a TCP stream (RFC 3261 section 18.3): messages end by Content-Length; keep-alives between them are skipped;
/// behind a gap, or anything else, the next start line is looked for.
packet::StreamProtocol stream_protocol();

/// SIP in WebSocket frames (RFC 7118, RFC 6455), of either direction, upgrade seen or not. A stream's message is the
/// WebSocket message with its frame headers.
packet::StreamProtocol websocket_protocol();
/// The payload of such a message, unmasked and joined; empty when it is none. `room` must be as large as `bytes`.
std::span<const std::uint8_t> websocket_payload(std::span<const std::uint8_t> bytes, std::span<std::uint8_t> room);

}  // namespace lc::sip
