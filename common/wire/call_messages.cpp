#include "common/wire/call_messages.h"

#include <algorithm>
#include <limits>

#include "common/info/packet_info.h"

namespace lc::wire {
namespace {

namespace data = lippycat::data;
using info::field_text;

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
  message.set_mean_jitter_ms(stream.mean_jitter_ms);
  message.set_media(field_text(stream.media));
}

void fill(data::CallMessage& message, const fleet::CallMessage& step) {
  message.set_time_ns(step.time_ns);
  message.set_call_id(field_text(step.call_id));
  message.set_hunter_id(field_text(step.hunter_id));
  message.set_source(field_text(step.source));
  message.set_destination(field_text(step.destination));
  message.set_method(field_text(step.method));
  message.set_response_code(step.response_code);
  message.set_cseq(step.cseq);
  message.set_has_sdp(step.sdp);
  message.set_retransmission(step.retransmission);
}

fleet::CallLeg read(const data::CallLegInfo& message) {
  return {.call_id = message.call_id(),
          .hunter_id = message.hunter_id(),
          .source = message.src_ip(),
          .destination = message.dst_ip(),
          .method = message.method(),
          .response_code = message.response_code(),
          .messages = static_cast<std::uint32_t>(std::max(message.packet_count(), 0)),
          .state = message.state(),
          .start_ns = message.start_time_ns(),
          .last_ns = message.last_seen_ns()};
}

fleet::CallStream read(const data::CallStreamInfo& message) {
  return {.call_id = message.call_id(),
          .hunter_id = message.hunter_id(),
          .source = message.source(),
          .destination = message.destination(),
          .ssrc = message.ssrc(),
          .payload_type = message.payload_type(),
          .codec = message.codec(),
          .clock_rate = message.clock_rate(),
          .media = message.media(),
          .packets = message.packets(),
          .lost = message.lost(),
          .reordered = message.reordered(),
          .duplicates = message.duplicates(),
          .jitter_ms = message.jitter_ms(),
          .max_jitter_ms = message.max_jitter_ms(),
          .mean_jitter_ms = message.mean_jitter_ms(),
          .mos = message.mos(),
          .gaps_in_capture = message.gaps_in_capture(),
          .first_ns = message.start_time_ns(),
          .last_ns = message.last_seen_ns()};
}

fleet::CallMessage read(const data::CallMessage& message) {
  return {.time_ns = message.time_ns(),
          .call_id = message.call_id(),
          .hunter_id = message.hunter_id(),
          .source = message.source(),
          .destination = message.destination(),
          .method = message.method(),
          .response_code = message.response_code(),
          .cseq = message.cseq(),
          .sdp = message.has_sdp(),
          .retransmission = message.retransmission()};
}

}  // namespace

data::CorrelatedCallUpdate to_proto(const fleet::Call& call, bool with_messages) {
  data::CorrelatedCallUpdate message;
  message.set_correlation_id(field_text(call.id));
  for (const std::string& tag : call.tag_pair) message.add_tag_pair(field_text(tag));
  message.set_from_user(field_text(call.from_user));
  message.set_to_user(field_text(call.to_user));
  for (const fleet::CallLeg& leg : call.legs) fill(*message.add_legs(), leg);
  for (const fleet::CallStream& stream : call.streams) fill(*message.add_streams(), stream);
  message.set_start_time_ns(call.start_ns);
  message.set_last_seen_ns(call.last_ns);
  message.set_state(field_text(call.state));
  message.set_answer_time_ns(call.answered_ns);
  message.set_end_time_ns(call.ended_ns);
  if (!with_messages) return message;
  for (const fleet::CallMessage& step : call.messages) fill(*message.add_messages(), step);
  message.set_messages_omitted(call.more_messages);
  return message;
}

fleet::Call from_proto(const data::CorrelatedCallUpdate& message) {
  fleet::Call call{.id = message.correlation_id(),
                   .tag_pair = {message.tag_pair().begin(), message.tag_pair().end()},
                   .from_user = message.from_user(),
                   .to_user = message.to_user(),
                   .legs = {},
                   .streams = {},
                   .start_ns = message.start_time_ns(),
                   .last_ns = message.last_seen_ns(),
                   .state = message.state(),
                   .answered_ns = message.answer_time_ns(),
                   .ended_ns = message.end_time_ns(),
                   .messages = {},
                   .more_messages = message.messages_omitted()};
  // No honest peer sends more, and whoever draws them would stand still.
  constexpr std::size_t kMost = 256;
  for (const data::CallLegInfo& leg : message.legs()) {
    if (call.legs.size() < kMost) call.legs.push_back(read(leg));
  }
  for (const data::CallStreamInfo& stream : message.streams()) {
    if (call.streams.size() < kMost) call.streams.push_back(read(stream));
  }
  for (const data::CallMessage& step : message.messages()) {
    if (call.messages.size() < kMost) {
      call.messages.push_back(read(step));
    } else {
      ++call.more_messages;
    }
  }
  return call;
}

}  // namespace lc::wire
