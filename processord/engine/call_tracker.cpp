#include "processord/engine/call_tracker.h"

#include <algorithm>
#include <utility>

#include "common/base/text.h"
#include "common/sip/rtp.h"
#include "common/sip/text.h"
#include "processord/engine/call_id.h"

namespace lc::processor {
namespace {

constexpr std::size_t kMaxFormats = 64;  // of a call
constexpr std::size_t kMaxStreams = 32;  // of a call; the one that was silent for longest makes room
// Of what a message says: enough for what means something.
constexpr std::size_t kMaxText = 256;
constexpr std::size_t kMaxCallId = 1'024;
constexpr std::size_t kMaxCodec = 32;
constexpr std::size_t kMaxKind = 32;
constexpr std::uint8_t kComfortNoise = 13;

std::string text_of(std::string_view text, std::size_t most = kMaxText) {
  return std::string(text.substr(0, most));
}

std::string user_of(const sip::Message& message, sip::Identity identity) {
  sip::Uri uri;
  return sip::parse_uri(message.value_of(identity), uri) ? text_of(uri.user) : std::string();
}

std::string_view name_of(calls::CallState state) {
  switch (state) {
    case calls::CallState::kTrying:
      return "trying";
    case calls::CallState::kRinging:
      return "ringing";
    case calls::CallState::kActive:
      return "active";
    case calls::CallState::kEnded:
      return "ended";
    case calls::CallState::kFailed:
      return "failed";
    case calls::CallState::kCancelled:
      return "cancelled";
    case calls::CallState::kOther:
      break;
  }
  return "active";  // met in its middle
}

bool is_speech(std::uint8_t payload_type, std::string_view codec) {
  return payload_type != kComfortNoise && !sip::is_word(codec, "telephone-event") && !sip::is_word(codec, "cn");
}

}  // namespace

CallTracker::CallTracker(CallBoard& board, std::vector<std::string> call_id_suffixes)
    : board_(board), groups_(std::move(call_id_suffixes)) {}

CallTracker::Record& CallTracker::record(calls::CallIndex call) {
  if (records_.size() <= call) records_.resize(call + 1);
  return records_[call];
}

bool CallTracker::signalling(const calls::Call& call, calls::CallIndex index, const sip::Message& message,
                             const sip::Sdp* sdp, const calls::CallSorter::Context& context,
                             const std::string& hunter_id) {
  Record& now = record(index);
  if (!now.label && now.number == 0 && !calls::is_call(call, message)) return false;
  if (!now.label) begin(now, index, message, context, hunter_id);
  fleet::CallLeg& leg = now.leg;
  ++leg.messages;
  leg.last_ns = context.time_ns;
  leg.state = name_of(call.state);
  if (message.is_request) {
    leg.method = text_of(message.method);
  } else {
    leg.response_code = message.status;
  }
  if (now.to_tag.empty()) now.to_tag = text_of(message.to_tag);
  const bool is_answer = !message.is_request && message.status / 100 == 2 && message.method == "INVITE";
  if (is_answer && now.answered_ns == 0) now.answered_ns = context.time_ns;
  now.ended_ns = call.ended_ns;
  now.steps.note(message, sdp != nullptr, context);
  source_of(context.source, hunter_id);
  if (call.ended_ns != 0) {
    media_pairs_.release(now.media);
  } else if (sdp != nullptr) {
    note_media(now, *sdp);
  }
  regroup(index, message);
  set_active(index, call.ended_ns == 0);
  change(index);
  return true;
}

// Of a call, or of one that goes on after its end: the same Call-ID is another call then.
void CallTracker::begin(Record& record, calls::CallIndex call, const sip::Message& message,
                        const calls::CallSorter::Context& context, const std::string& hunter_id) {
  if (record.number != 0) removed(call);
  Record& now = records_[call];
  now = {};
  now.number = ++last_number_;
  now.from_user = user_of(message, sip::Identity::kFrom);
  now.to_user = user_of(message, sip::Identity::kTo);
  now.from_tag = text_of(message.from_tag);
  now.label = std::make_shared<const CallLabel>(CallLabel{.number = now.number,
                                                          .call_id = text_of(message.call_id, kMaxCallId),
                                                          .from = now.from_user,
                                                          .to = now.to_user,
                                                          .start_ns = context.time_ns});
  now.leg.call_id = now.label->call_id;
  now.leg.hunter_id = hunter_id;
  const bool answered_first = !message.is_request;  // its request went the other way
  now.leg.source = (answered_first ? context.to : context.from).address.text();
  now.leg.destination = (answered_first ? context.from : context.to).address.text();
  now.leg.start_ns = context.time_ns;
}

void CallTracker::note_media(Record& record, const sip::Sdp& sdp) {
  for (const sip::Media& media : sdp.all()) {
    if (media.port == 0) continue;
    const calls::Endpoint endpoint{calls::unmapped(media.address), media.port};
    const auto address = endpoint.address.bytes();
    const bool on_hold = std::all_of(address.begin(), address.end(), [](std::uint8_t byte) { return byte == 0; });
    if (!on_hold) media_pairs_.announce(record.media, endpoint);
    for (const sip::MediaFormat& format : media.all_formats()) {
      const auto same = [&](const Format& known) {
        return known.endpoint == endpoint && known.payload_type == format.payload_type;
      };
      const auto found = std::find_if(record.formats.begin(), record.formats.end(), same);
      if (found == record.formats.end() && record.formats.size() >= kMaxFormats) continue;
      Format& known = found == record.formats.end() ? record.formats.emplace_back() : *found;
      known = {endpoint, format.payload_type, format.clock_rate, text_of(format.codec, kMaxCodec),
               text_of(media.kind, kMaxKind)};
    }
  }
}

calls::StreamMemo::Note CallTracker::media(calls::CallIndex call, std::span<const std::uint8_t> datagram,
                                           const calls::CallSorter::Context& context, const std::string& hunter_id,
                                           calls::StreamMemo::Note note) {
  sip::Rtp rtp;
  if (!sip::parse_rtp(datagram, rtp)) return note;
  if (note >= streams_.size() || !is_stream(streams_[note], call, rtp.ssrc, context)) {
    if (record(call).number == 0) return note;
    note = stream_of(call, rtp, context, hunter_id);
  }
  Stream& stream = streams_[note];
  const std::uint64_t gaps = gaps_ + sources_[context.source].gaps;
  if (std::exchange(stream.gaps, gaps) != gaps) {
    stream.quality.resume();
    stream.has_gaps = true;
  }
  if (rtp.payload_type != stream.clock_type) use_format(records_[call], stream, rtp.payload_type);
  stream.quality.add(rtp.sequence, rtp.timestamp, rtp.payload_type, rtp.marker, context.time_ns, stream.clock_rate);
  stream.last_ns = context.time_ns;
  if (std::exchange(stream.changed, publishing_) != publishing_) change(call);
  return note;
}

void CallTracker::expect(calls::StreamMemo::Note note) const {
  constexpr std::size_t kLine = 64;
  if (note >= streams_.size()) return;
  const auto* const stream = reinterpret_cast<const char*>(&streams_[note]);
  for (std::size_t at = 0; at < sizeof(Stream); at += kLine) __builtin_prefetch(stream + at, 1);
}

bool CallTracker::is_stream(const Stream& stream, calls::CallIndex call, std::uint32_t ssrc,
                            const calls::CallSorter::Context& context) const {
  return stream.call == call && stream.ssrc == ssrc && stream.source == context.source && stream.to == context.to &&
         stream.from == context.from;
}

CallTracker::StreamIndex CallTracker::stream_of(calls::CallIndex call, const sip::Rtp& rtp,
                                                const calls::CallSorter::Context& context,
                                                const std::string& hunter_id) {
  Record& of = records_[call];
  const auto found = std::find_if(of.streams.begin(), of.streams.end(), [&](StreamIndex index) {
    return is_stream(streams_[index], call, rtp.ssrc, context);
  });
  if (found != of.streams.end()) return *found;
  source_of(context.source, hunter_id);
  const StreamIndex index = make_stream(of);
  Stream& stream = streams_[index];
  stream.call = call;
  stream.from = context.from;
  stream.to = context.to;
  stream.ssrc = rtp.ssrc;
  stream.source = context.source;
  stream.gaps = gaps_ + sources_[context.source].gaps;
  stream.first_ns = context.time_ns;
  stream.payload_type = rtp.payload_type;
  use_format(of, stream, rtp.payload_type);
  return index;
}

CallTracker::StreamIndex CallTracker::make_stream(Record& record) {
  if (record.streams.size() >= kMaxStreams) {
    const auto idlest = std::min_element(record.streams.begin(), record.streams.end(),
                                         [&](auto a, auto b) { return streams_[a].last_ns < streams_[b].last_ns; });
    streams_[*idlest] = {};
    free_streams_.push_back(*idlest);
    record.streams.erase(idlest);
  }
  if (free_streams_.empty()) {
    free_streams_.push_back(static_cast<StreamIndex>(streams_.size()));
    streams_.emplace_back();
  }
  record.streams.push_back(free_streams_.back());
  free_streams_.pop_back();
  return record.streams.back();
}

void CallTracker::clear(Record& record) {
  for (const StreamIndex index : record.streams) {
    streams_[index] = {};
    free_streams_.push_back(index);
  }
  record = {};
}

// What a payload type means is for the receiver to say (RFC 3264 section 5.1); where it is not known, the sender's
// words or another medium's of the call are likely right. Events and noise in between do not change what the stream is.
void CallTracker::use_format(const Record& record, Stream& stream, std::uint8_t payload_type) {
  const Format* best = nullptr;
  for (const Format& format : record.formats) {
    if (format.payload_type != payload_type) continue;
    const bool is_receivers = format.endpoint == stream.to;
    if (best == nullptr || is_receivers || format.endpoint == stream.from) best = &format;
    if (is_receivers) break;
  }
  const sip::RtpPayload known = sip::rtp_payload(payload_type);
  const std::string codec = best != nullptr ? best->codec : std::string(known.codec);
  stream.clock_rate = best != nullptr ? best->clock_rate : known.clock_rate;
  stream.clock_type = payload_type;
  if (!stream.codec.empty() && !is_speech(payload_type, codec)) return;
  stream.payload_type = payload_type;
  stream.codec = codec;
  stream.media = best != nullptr ? best->media : std::string();
}

void CallTracker::source_of(std::uint32_t source, const std::string& hunter_id) {
  if (sources_.size() <= source) sources_.resize(source + 1);
  if (sources_[source].hunter_id != hunter_id) sources_[source].hunter_id = hunter_id;
}

void CallTracker::heard_of(std::uint32_t source, const packet::BatchHeader& header) {
  if (sources_.size() <= source) sources_.resize(source + 1);
  Source& known = sources_[source];
  if (header.stats.dropped > known.dropped) ++known.gaps;
  known.dropped = header.stats.dropped;
}

const std::shared_ptr<const CallLabel>& CallTracker::label(calls::CallIndex call) const {
  static const std::shared_ptr<const CallLabel> kNone;
  return call < records_.size() ? records_[call].label : kNone;
}

std::shared_ptr<const CallLabel> CallTracker::end(calls::CallIndex call) {
  if (call >= records_.size()) return nullptr;
  set_active(call, false);
  return std::exchange(records_[call].label, nullptr);
}

void CallTracker::set_active(calls::CallIndex call, bool active) {
  if (std::exchange(records_[call].active, active) == active) return;
  if (active) {
    counts_.leg_began(groups_.of(call));
  } else {
    counts_.leg_ended(groups_.of(call));
  }
}

void CallTracker::count_anew() {
  counts_.begin_anew();
  for (calls::CallIndex call = 0; call < records_.size(); ++call) {
    if (records_[call].active) counts_.leg_began(groups_.of(call));
  }
}

void CallTracker::regroup(calls::CallIndex call, const sip::Message& message) {
  const std::size_t before = groups_.groups();
  const calls::GroupId now = groups_.note(call, message, records_[call].media.tokens);
  counts_.more(static_cast<std::int64_t>(groups_.groups()) - static_cast<std::int64_t>(before));
  const bool are_joined = groups_.parted().empty();  // else it is not plain which ones with which
  for (const calls::GroupId group : groups_.merged()) {
    if (are_joined) counts_.joined(group, now);
    if (board_.wanted()) board_.remove(id_of(group), are_joined ? id_of(now) : "");
  }
  if (are_joined) return;
  count_anew();
  if (!board_.wanted()) return;
  for (calls::CallIndex other = 0; other < records_.size(); ++other) {  // rare, and one does not know from which
    if (records_[other].number != 0) change(other);
  }
}

void CallTracker::removed(calls::CallIndex call) {
  if (call >= records_.size() || records_[call].number == 0) return;
  const calls::GroupId group = groups_.of(call);
  set_active(call, false);
  groups_.remove(call);
  media_pairs_.release(records_[call].media);
  clear(records_[call]);
  const std::span<const calls::CallIndex> left = groups_.legs(group);
  if (!left.empty()) {
    change(left.front());
  } else if (board_.wanted()) {
    board_.remove(id_of(group));
  }
}

void CallTracker::change(calls::CallIndex call) {
  if (!board_.wanted()) return;  // whoever comes gets everything
  if (std::exchange(records_[call].changed, publishing_) != publishing_) changed_.push_back(call);
}

}  // namespace lc::processor
