// The SIP readers with any bytes: every view lies inside them, framing goes forward, and what the streams' framing
// calls a message can be read as one. The first byte chooses the reader.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <map>
#include <string_view>
#include <vector>

#include "common/packet/sctp_messages.h"
#include "common/sip/message.h"

namespace {

namespace sip = lc::sip;
using Bytes = std::span<const std::uint8_t>;
using lc::packet::Framing;

void require(bool holds) {
  if (!holds) std::abort();
}

void require_inside(std::string_view view, Bytes bytes) {
  const auto* const data = reinterpret_cast<const std::uint8_t*>(view.data());
  require(view.empty() || (data >= bytes.data() && data + view.size() <= bytes.data() + bytes.size()));
}

void check_message(Bytes bytes) {
  sip::Message message;
  const bool begins = sip::begins_message(bytes);
  if (!sip::parse_message(bytes, message)) return;
  require(begins && !message.call_id.empty() && message.is_request == (message.status == 0));
  require(message.is_request || (message.status >= 100 && message.status <= 699));
  for (const std::string_view view :
       {message.method, message.request_uri, message.reason, message.call_id, message.from_tag, message.to_tag,
        message.cseq_method, message.content_type, message.authorization, message.session_id, message.charging_vector,
        message.other_call_id, message.body}) {
    require_inside(view, bytes);
  }
  require(message.party_count <= message.parties.size());
  for (const sip::Message::Party& party : message.who()) {
    require(!party.value.empty());
    require_inside(party.value, bytes);
    sip::Uri uri;
    if (!sip::parse_uri(party.value, uri)) continue;
    require(!uri.scheme.empty() && uri.text.starts_with(uri.scheme));
    for (const std::string_view view : {uri.scheme, uri.user, uri.host, uri.text}) require_inside(view, bytes);
  }
}

void check_stream(const lc::packet::StreamProtocol& protocol, Bytes bytes, bool websocket) {
  protocol.begins(bytes);
  std::size_t messages = 0;
  for (int step = 0; step < 1000; ++step) {
    const Framing framing = protocol.frame(bytes);
    if (framing.kind == Framing::Kind::kLost || framing.kind == Framing::Kind::kMore) return;
    require(framing.size > 0 && framing.size <= bytes.size());
    if (framing.kind == Framing::Kind::kMessage) {
      const Bytes found = bytes.first(framing.size);
      require(++messages <= 1000);
      require(framing.size <= protocol.max_message + 1024 || websocket);
      std::vector<std::uint8_t> room(found.size());
      check_message(websocket ? sip::websocket_payload(found, room) : found);
      require(websocket || sip::begins_message(found));
    }
    bytes = bytes.subspan(framing.size);
  }
}

/// Cut into packets of 64 bytes: each frame is let go as often as it was held.
void check_sctp(Bytes bytes) {
  using lc::packet::FrameId;
  std::map<FrameId, int> held;
  lc::packet::SctpMessages messages([](Bytes message, std::span<const FrameId>) { check_message(message); },
                                    [&](FrameId frame) { ++held[frame]; },
                                    [&](FrameId frame) { require(--held[frame] >= 0); });
  FrameId frame = 0;
  for (; !bytes.empty(); ++frame) {
    lc::packet::IpPacket packet;
    packet.has_transport = true;
    packet.payload = bytes.first(std::min<std::size_t>(bytes.size(), 64));
    messages.add(packet, frame, static_cast<std::int64_t>(frame));
    bytes = bytes.subspan(packet.payload.size());
  }
  messages.expire(std::numeric_limits<std::int64_t>::max());
  for (const auto& [id, holds] : held) require(holds == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::vector<std::uint8_t> bytes(data + 1, data + size);  // of its own, so that AddressSanitizer sees its ends
  switch (data[0] % 4) {
    case 0:
      check_message(bytes);
      break;
    case 1:
      check_stream(sip::stream_protocol(), bytes, false);
      break;
    case 2:
      check_stream(sip::websocket_protocol(), bytes, true);
      break;
    default:
      check_sctp(bytes);
      break;
  }
  return 0;
}
