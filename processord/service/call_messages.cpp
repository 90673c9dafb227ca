#include "processord/service/call_messages.h"

#include <algorithm>
#include <limits>

#include "common/info/packet_info.h"

namespace lc::processor {
namespace {

namespace data = lippycat::data;
using info::field_text;

data::CallUpdateType type_of(CallUpdate::Kind kind) {
  switch (kind) {
    case CallUpdate::Kind::kCall:
      return data::CALL_UPDATED;
    case CallUpdate::Kind::kRemoved:
      return data::CALL_REMOVED;
    case CallUpdate::Kind::kSnapshotBegin:
      return data::CALL_SNAPSHOT_BEGIN;
    case CallUpdate::Kind::kSnapshotEnd:
      return data::CALL_SNAPSHOT_END;
  }
  return data::CALL_UPDATED;
}

void fill(data::CallLegInfo& message, const fleet::CallLeg& leg) {
  constexpr std::uint32_t kMost = std::numeric_limits<std::int32_t>::max();
  message.set_call_id(field_text(leg.call_id));
  message.set_hunter_id(field_text(leg.hunter_id));
  message.set_src_ip(field_text(leg.source));
  message.set_dst_ip(field_text(leg.destination));
  message.set_method(field_text(leg.method));
  message.set_response_code(leg.response_code);
  message.set_packet_count(static_cast<std::int32_t>(std::min(leg.messages, kMost)));
  message.set_state(field_text(leg.state));
  message.set_start_time_ns(leg.start_ns);
  message.set_last_seen_ns(leg.last_ns);
}

void fill(data::CallStreamInfo& message, const fleet::CallStream& stream) {
  message.set_call_id(field_text(stream.call_id));
  message.set_hunter_id(field_text(stream.hunter_id));
  message.set_source(field_text(stream.source));
  message.set_destination(field_text(stream.destination));
  message.set_ssrc(stream.ssrc);
  message.set_payload_type(stream.payload_type);
  message.set_codec(field_text(stream.codec));
  message.set_clock_rate(stream.clock_rate);
  message.set_packets(stream.packets);
  message.set_lost(stream.lost);
  message.set_reordered(stream.reordered);
  message.set_duplicates(stream.duplicates);
  message.set_jitter_ms(stream.jitter_ms);
  message.set_max_jitter_ms(stream.max_jitter_ms);
  message.set_mos(stream.mos);
  message.set_gaps_in_capture(stream.gaps_in_capture);
  message.set_start_time_ns(stream.first_ns);
  message.set_last_seen_ns(stream.last_ns);
}

void fill(data::CorrelatedCallUpdate& message, const fleet::Call& call) {
  message.set_correlation_id(field_text(call.id));
  for (const std::string& tag : call.tag_pair) message.add_tag_pair(field_text(tag));
  message.set_from_user(field_text(call.from_user));
  message.set_to_user(field_text(call.to_user));
  for (const fleet::CallLeg& leg : call.legs) fill(*message.add_legs(), leg);
  for (const fleet::CallStream& stream : call.streams) fill(*message.add_streams(), stream);
  message.set_start_time_ns(call.start_ns);
  message.set_last_seen_ns(call.last_ns);
  message.set_state(field_text(call.state));
}

}  // namespace

data::CorrelatedCallUpdate to_proto(const CallUpdate& update) {
  data::CorrelatedCallUpdate message;
  message.set_update_type(type_of(update.kind));
  message.set_revision(update.revision);
  if (update.call) {
    fill(message, *update.call);
  } else {
    message.set_correlation_id(field_text(update.id));
  }
  return message;
}

}  // namespace lc::processor
