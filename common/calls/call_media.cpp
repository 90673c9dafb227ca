// Media of calls: who claims a datagram, and what is remembered of its stream.
#include <algorithm>
#include <array>

#include "common/calls/call_follower.h"
#include "common/sip/rtp.h"

namespace lc::calls {
namespace {

constexpr std::size_t kMaxStreams = 8;  // of a call
constexpr std::size_t kMaxCandidates = 65'536;
constexpr int kSurelyRtp = 3;  // packets in order
constexpr std::uint16_t kLeastMediaPort = 1024;

bool takes_media(const Call& call, std::int64_t now_ns) {
  return call.ended_ns == 0 || now_ns - call.ended_ns <= CallTable::Limits().grace_ns;
}

}  // namespace

void CallFollower::datagram(const packet::IpPacket& udp, FrameId frame) {
  if (!udp.has_ports) return;
  const Endpoint from{unmapped(udp.source), udp.source_port};
  const Endpoint to{unmapped(udp.destination), udp.destination_port};
  if (remembered(udp, from, to, frame)) return;
  if (claimed_media(udp, from, to, frame) == Claim::kNobody) unclaimed_media(udp, from, to, frame);
}

// Most packets are of a stream that was decided before.
bool CallFollower::remembered(const packet::IpPacket& udp, const Endpoint& from, const Endpoint& to, FrameId frame) {
  StreamMemo::Entry* const known = memo_.find(stream_hash(from, to), from, to);
  if (known == nullptr || !holds(*known, udp.payload)) return false;
  if (known->note != StreamMemo::kUnwanted) {
    if (observer_ != nullptr) {
      known->note = observer_->media(known->call, udp, frame, known->note);
    } else {
      judge_.want_media(frame, memo_.want(known->note), udp);
    }
  }
  heard(*known);
  return true;
}

// What claimed_media() found for a stream between two addresses that are this call's alone. `stream`: of a wanted call.
void CallFollower::remember(CallIndex call, const Endpoint& from, const Endpoint& to, const sip::Rtp* stream) {
  if (table_.at(call).ended_ns != 0) return;  // not for long any more
  StreamMemo::Note note = stream != nullptr ? StreamMemo::kNothing : StreamMemo::kUnwanted;
  if (stream != nullptr && observer_ == nullptr) {
    Want want;
    const auto add = [&](const Want& one) {
      if (one.media != MediaExtent::kNone) want.add(one);
    };
    add(following(call).want);
    for (const Endpoint* endpoint : {&to, &from}) {
      if (const auto found = announced_media_.find(*endpoint); found != announced_media_.end()) add(found->second.want);
    }
    note = memo_.copy_of(want);
  }
  const auto touched = static_cast<std::uint32_t>(now_ns_ >> 30);
  memo_.at(from, to) = {from, to, stream != nullptr ? stream->ssrc : 0, call, table_.version(call), note, touched};
}

void CallFollower::give_media(CallIndex call, const packet::IpPacket& udp, FrameId frame) {
  if (observer_ != nullptr) {
    observer_->media(call, udp, frame, StreamMemo::kNothing);
  } else {
    judge_.want_media(frame, following(call).want, udp);
  }
}

void CallFollower::undelivered(const packet::IpPacket& udp, FrameId frame) {
  packet::IpPacket quoted = udp;
  quoted.payload = {};  // cut anywhere, and nothing to learn from
  const Endpoint from{unmapped(udp.source), udp.source_port};
  const Endpoint to{unmapped(udp.destination), udp.destination_port};
  claimed_media(quoted, from, to, frame);
}

CallFollower::Claim CallFollower::claimed_media(const packet::IpPacket& udp, const Endpoint& from, const Endpoint& to,
                                                FrameId frame) {
  const std::span<const CallIndex> receivers = table_.at_endpoint(to);
  const std::span<const CallIndex> senders = table_.at_endpoint(from);
  const bool sender_is_known = !senders.empty();
  bool unclaimed = true;
  // Where calls share an address (a port that is used again, a relay), those that know both ends of the stream have it.
  const auto knows = [](std::span<const CallIndex> calls, CallIndex call) {
    return std::find(calls.begin(), calls.end(), call) != calls.end();
  };
  const bool shared = receivers.size() > 1 || senders.size() > 1;
  const bool some_know_both =
      shared && std::any_of(receivers.begin(), receivers.end(), [&](CallIndex call) { return knows(senders, call); });
  bool wanted = false;
  CallIndex learner = kNoCall;
  std::array<CallIndex, 4> unwanted{};
  std::size_t unwanted_count = 0;
  const auto claimed = [&](std::span<const CallIndex> calls, bool is_receiver) {
    for (const CallIndex call : calls) {
      const bool knows_both = knows(is_receiver ? senders : receivers, call);
      if (knows_both && !is_receiver) continue;  // it was looked at as the receiver
      if (some_know_both && !knows_both) continue;
      const Call& known = table_.at(call);
      if (!takes_media(known, now_ns_)) continue;
      if (!knows_both && !is_own(call, is_receiver ? to : from, is_receiver ? from : to)) continue;
      if (knows_both || !shared) table_.touch(call, source_, now_ns_);
      const Following& now = following(call);
      if (!now.want.any()) {
        if (known.state != CallState::kActive && unwanted_count < unwanted.size()) unwanted[unwanted_count++] = call;
        unclaimed = false;
        continue;
      }
      wanted = true;
      give_media(call, udp, frame);
      if (is_receiver && learner == kNoCall) learner = call;
    }
  };
  claimed(receivers, true);
  claimed(senders, false);
  bool announced = false;
  if (!announced_media_.empty()) {
    for (const Endpoint* endpoint : {&to, &from}) {
      const auto found = announced_media_.find(*endpoint);
      if (found == announced_media_.end()) continue;
      wanted = announced = true;
      judge_.want_media(frame, found->second.want, udp);
    }
  }
  const bool of_one_call = receivers.size() == 1 && senders.size() == 1 && receivers.front() == senders.front();
  sip::Rtp rtp;
  if (learner != kNoCall && sip::parse_rtp(udp.payload, rtp) && note_stream(learner, udp, rtp)) {
    if (of_one_call) remember(learner, from, to, &rtp);
    // Symmetric RTP (RFC 4961): the peer is reached where it sends from, whatever its SDP said.
    if (!sender_is_known && from.port >= kLeastMediaPort) table_.learn(learner, from);
  } else if (of_one_call && !wanted && !unclaimed && !announced && unwanted_count == 0) {
    remember(receivers.front(), from, to, nullptr);
  }
  if (wanted) return Claim::kWanted;
  if (unclaimed) return Claim::kNobody;
  // A call that was answered has said who it is; before, it may still turn out to be wanted.
  if (unwanted_count > 0 && waits()) {
    const HoldingRing::Place place = ring_.keep(frame, now_ns_);
    for (std::size_t i = 0; i < unwanted_count; ++i) wait_with(unwanted[i], place);
  }
  return Claim::kUnwanted;
}

// Not by its addresses: a later call that uses the same ports must not get it.
void CallFollower::wait_with(CallIndex call, HoldingRing::Place place) {
  std::deque<HoldingRing::Place>& waiting = following(call).media;
  while (!waiting.empty() && waiting.front() < ring_.oldest()) waiting.pop_front();
  if (waiting.empty() || waiting.back() != place) waiting.push_back(place);
}

// True once several packets came in order, so that this is RTP and no stray datagram.
bool CallFollower::note_stream(CallIndex call, const packet::IpPacket& udp, const sip::Rtp& rtp) {
  std::vector<Stream>& known = following(call).streams;
  const auto same = [&](const Stream& one) {
    return one.key.ssrc == rtp.ssrc && one.key.source == udp.source && one.key.destination == udp.destination;
  };
  auto found = std::find_if(known.begin(), known.end(), same);
  if (found == known.end()) {
    if (known.size() >= kMaxStreams) {
      if (const auto oldest = streams_.find(known.front().key); oldest != streams_.end() && oldest->second == call) {
        streams_.erase(oldest);
      }
      known.erase(known.begin());
      table_.renew(call);
    }
    found = known.insert(known.end(), {{udp.source, udp.destination, rtp.ssrc}, rtp.sequence, 0});
  }
  if (found->in_order >= kSurelyRtp) return true;
  found->in_order = rtp.sequence == found->next_sequence ? found->in_order + 1 : 1;
  found->next_sequence = static_cast<std::uint16_t>(rtp.sequence + 1);
  if (found->in_order < kSurelyRtp) return false;
  streams_[found->key] = call;
  return true;
}

// An address that only packets showed is the call's only opposite an address of the call.
bool CallFollower::is_own(CallIndex call, const Endpoint& endpoint, const Endpoint& other) const {
  if (!table_.is_learned(endpoint)) return true;
  const std::vector<CallMedia>& media = table_.at(call).media;
  return std::any_of(media.begin(), media.end(),
                     [&](const CallMedia& own) { return own.endpoint.address == other.address; });
}

void CallFollower::unclaimed_media(const packet::IpPacket& udp, const Endpoint& from, const Endpoint& to,
                                   FrameId frame) {
  sip::Rtp rtp;
  const bool is_rtp = sip::parse_rtp(udp.payload, rtp);
  if (from.port < kLeastMediaPort || to.port < kLeastMediaPort || (!is_rtp && !sip::is_rtcp(udp.payload))) return;
  if (is_rtp && !streams_.empty()) {
    // The stream of a wanted call that goes on between other ports of the same hosts.
    const auto found = streams_.find({udp.source, udp.destination, rtp.ssrc});
    if (found != streams_.end() && following(found->second).want.any() &&
        takes_media(table_.at(found->second), now_ns_)) {
      table_.touch(found->second, source_, now_ns_);
      give_media(found->second, udp, frame);
      return;
    }
  }
  if (is_rtp && plan_->filters->any_codec() && table_.at_endpoint(from).empty() && table_.at_endpoint(to).empty()) {
    if (candidates_.size() >= kMaxCandidates) candidates_.clear();
    Candidate& candidate = candidates_[{udp.source, udp.destination, rtp.ssrc}];
    candidate.in_order = rtp.sequence == candidate.next_sequence ? candidate.in_order + 1 : 1;
    candidate.next_sequence = static_cast<std::uint16_t>(rtp.sequence + 1);
    if (!candidate.want.any() && candidate.in_order >= kSurelyRtp) {
      matches_.clear();
      plan_->filters->match_payload_type(rtp.payload_type, matches_);
      plan_->add(matches_, candidate.want);
      if (candidate.want.any()) release_held(to, candidate.want);
    }
    if (candidate.want.any()) {
      judge_.want_media(frame, candidate.want, udp);
      return;
    }
  }
  if (observer_ != nullptr && (!waits() || is_nobodys({udp.source, udp.destination, is_rtp ? rtp.ssrc : 0}))) return;
  ring_.keep_media(frame, from, to, now_ns_);
}

// What no call has claimed for so long would wait in vain from now on, all of it.
bool CallFollower::is_nobodys(const StreamKey& stream) {
  constexpr std::int64_t kPatienceNs = HoldingRing::Limits().age_ns;
  if (candidates_.size() >= kMaxCandidates) candidates_.clear();
  Candidate& candidate = candidates_[stream];
  if (candidate.last_ns == 0 || now_ns_ - candidate.last_ns > kPatienceNs) candidate.since_ns = now_ns_;
  candidate.last_ns = now_ns_;
  return now_ns_ - candidate.since_ns > kPatienceNs;
}

}  // namespace lc::calls
