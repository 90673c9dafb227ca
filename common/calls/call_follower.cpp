#include "common/calls/call_follower.h"

#include <algorithm>
#include <array>

#include "common/base/log.h"
#include "common/sip/message.h"
#include "common/sip/rtp.h"
#include "common/sip/sdp.h"

namespace lc::calls {
namespace {

constexpr std::size_t kMaxBefore = 64;       // frames of a call's signalling that wait
constexpr std::size_t kMaxIdentities = 768;  // bytes kept of who takes part
constexpr std::size_t kMaxStreams = 8;       // of a call
constexpr std::size_t kMaxCandidates = 65'536;
constexpr int kSurelyRtp = 3;  // packets in order
constexpr std::int64_t kAnnouncedLookNs = 10'000'000'000;
constexpr std::uint16_t kLeastMediaPort = 1024;

bool takes_media(const Call& call, std::int64_t now_ns) {
  return call.ended_ns == 0 || now_ns - call.ended_ns <= CallTable::Limits().grace_ns;
}

}  // namespace

CallFollower::CallFollower(FrameStore& frames, Forwarder& forwarder)
    : frames_(frames), forwarder_(forwarder), table_({}, *this), ring_({}, frames) {}

CallFollower::Following& CallFollower::following(CallIndex call) {
  if (following_.size() <= call) following_.resize(std::max<std::size_t>(table_.capacity(), call + 1));
  return following_[call];
}

std::uint32_t CallFollower::sip(std::span<const std::uint8_t> bytes, std::span<const FrameId> frames) {
  sip::Message& message = message_;
  if (!sip::parse_message(bytes, message)) return 0;
  sip::Sdp& sdp = sdp_;
  const bool has_sdp = !message.body.empty() && sip::parse_sdp(message.content_type, message.body, sdp);
  if (has_sdp) unmap(sdp);

  const CallIndex call = table_.note(message, has_sdp ? &sdp : nullptr, source_, now_ns_);
  note_identities(following(call), message);
  matches_.clear();
  plan_->filters->match_sip(message, matches_);
  if (has_sdp) plan_->filters->match_codecs(sdp, matches_);
  follow(call, matches_);

  Following& now = following(call);
  for (const FrameId frame : frames) {
    if (now.want.any()) {
      forwarder_.want(frame, now.want);
    } else if (plan_->filters->follows_calls()) {
      if (now.before.size() >= kMaxBefore) now.before.erase(now.before.begin());
      now.before.push_back(ring_.keep(frame, now_ns_));
    }
  }
  return call + 1;
}

void CallFollower::repeated(FrameId frame, std::uint32_t answer) {
  const CallIndex call = answer - 1;
  if (answer == 0 || call >= following_.size()) return;
  Following& now = following_[call];
  if (now.want.any()) {
    forwarder_.want(frame, now.want);
  } else if (plan_->filters->follows_calls() && table_.in_use(call) && now.before.size() < kMaxBefore) {
    now.before.push_back(ring_.keep(frame, now_ns_));
  }
}

/// True: the call is wanted, and was not before.
bool CallFollower::follow(CallIndex call, const filter::Matches& matches) {
  if (matches.empty()) return false;
  Following& now = following(call);
  const bool before = now.want.any();
  plan_->add(matches, now.want);
  if (!before) release_held(call);
  return !before;
}

// Value behind value, each with its kind and length in front.
void CallFollower::note_identities(Following& following, const sip::Message& message) {
  if (!following.who.empty()) return;
  for (const sip::Message::Party& party : message.who()) {
    const std::size_t size = std::min<std::size_t>(party.value.size(), 255);
    if (following.who.size() + size + 2 > kMaxIdentities) break;
    following.who += static_cast<char>(party.identity);
    following.who += static_cast<char>(size);
    following.who += party.value.substr(0, size);
  }
}

void CallFollower::match_again(CallIndex call) {
  sip::Message message;
  message.call_id = table_.at(call).id;
  std::string_view rest = following_[call].who;
  while (rest.size() >= 2 && message.party_count < sip::Message::kMaxParties) {
    const auto size = static_cast<std::uint8_t>(rest[1]);
    message.parties[message.party_count++] = {static_cast<sip::Identity>(rest[0]), rest.substr(2, size)};
    rest.remove_prefix(std::min<std::size_t>(rest.size(), std::size_t{size} + 2));
  }
  matches_.clear();
  plan_->filters->match_sip(message, matches_);
  follow(call, matches_);
}

void CallFollower::use(const std::shared_ptr<const Plan>& plan) {
  const std::shared_ptr<const Plan> before = std::move(plan_);
  plan_ = plan;
  if (before) {
    for (Following& following : following_) {
      if (following.want.any()) following.want = plan_->still_wanted(*before, following.want);
    }
    absl::erase_if(candidates_, [](const auto& candidate) { return candidate.second.want.any(); });
  }
  if (!plan_->filters->any_sip()) return;
  for (CallIndex call = 0; call < table_.capacity() && call < following_.size(); ++call) {
    if (table_.in_use(call)) match_again(call);
  }
}

void CallFollower::change_endpoints(std::span<const fleet::Filter> added, std::span<const std::string> removed,
                                    bool anew) {
  if (anew) {
    announced_.clear();
    announced_media_.clear();
  }
  for (const std::string& id : removed) withdraw(id);
  for (const fleet::Filter& filter : added) {
    withdraw(filter.id);
    const Result<Endpoint> endpoint = parse_endpoint(filter.pattern);
    if (!endpoint || !filter.enabled) continue;
    Announced& announced = announced_[filter.id];
    announced.endpoint = {unmapped(endpoint->address), endpoint->port};
    announced.expires_at_ns = filter.expires_at_ns;
    for (const std::string& id : filter.follows) announced.want.add(id, extent_of(filter.action));
    if (filter.follows.empty()) announced.want.add(filter.id, extent_of(filter.action));
    announced_media_[announced.endpoint].ids.push_back(filter.id);
    gather(announced.endpoint);
    release_held(announced.endpoint, announced.want);
  }
}

void CallFollower::withdraw(const std::string& id) {
  const auto found = announced_.find(id);
  if (found == announced_.end()) return;
  const Endpoint endpoint = found->second.endpoint;
  announced_.erase(found);
  std::erase(announced_media_[endpoint].ids, id);
  gather(endpoint);
}

void CallFollower::gather(const Endpoint& endpoint) {
  AnnouncedMedia& media = announced_media_[endpoint];
  media.want.clear();
  for (const std::string& id : media.ids) media.want.add(announced_[id].want);
  if (media.ids.empty()) announced_media_.erase(endpoint);
}

void CallFollower::media_claimed(CallIndex call, const Endpoint& endpoint) {
  if (call < following_.size() && following_[call].want.any()) release_held(endpoint, following_[call].want);
}

void CallFollower::call_removed(CallIndex call) {
  if (call >= following_.size()) return;
  for (const Stream& stream : following_[call].streams) {
    const auto found = streams_.find(stream.key);
    if (found != streams_.end() && found->second == call) streams_.erase(found);
  }
  following_[call] = {};
}

void CallFollower::release_held(CallIndex call) {
  taken_.clear();
  for (const HoldingRing::Place place : following_[call].before) {
    FrameId frame = 0;
    if (ring_.take(place, frame)) taken_.push_back(frame);
  }
  following_[call].before.clear();
  const std::size_t media_from = taken_.size();
  for (const HoldingRing::Place place : following_[call].media) {
    FrameId frame = 0;
    if (ring_.take(place, frame)) taken_.push_back(frame);
  }
  following_[call].media.clear();
  for (const Endpoint& endpoint : table_.at(call).media) ring_.take(endpoint, taken_);
  forward_taken(taken_, following_[call].want, media_from);
}

void CallFollower::release_held(const Endpoint& endpoint, const Want& want) {
  taken_.clear();
  ring_.take(endpoint, taken_);
  forward_taken(taken_, want, 0);
}

// In the order of their capture, signalling and media together.
void CallFollower::forward_taken(std::vector<FrameId>& taken, const Want& want, std::size_t media_from) {
  struct Held {
    FrameId frame;
    std::int64_t time_ns;
    bool is_media;
  };
  std::vector<Held> held;
  for (std::size_t i = 0; i < taken.size(); ++i) {
    held.push_back({taken[i], frames_.view(taken[i]).timestamp_ns, i >= media_from});
  }
  std::stable_sort(held.begin(), held.end(), [](const Held& a, const Held& b) { return a.time_ns < b.time_ns; });
  for (const Held& one : held) {
    if (frames_.forwarded(one.frame)) continue;
    if (one.is_media) {
      forwarder_.want_media(one.frame, want);
    } else {
      forwarder_.want(one.frame, want);
    }
  }
  for (const Held& one : held) frames_.release(one.frame);
  taken.clear();
}

void CallFollower::datagram(const packet::IpPacket& udp, FrameId frame) {
  if (!udp.has_ports) return;
  const Endpoint from{unmapped(udp.source), udp.source_port};
  const Endpoint to{unmapped(udp.destination), udp.destination_port};
  if (claimed_media(udp, from, to, frame) == Claim::kNobody) unclaimed_media(udp, from, to, frame);
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
      if (known.ended_ns != 0 && now_ns_ - known.ended_ns > CallTable::Limits().grace_ns) continue;
      if (!knows_both && !is_own(call, is_receiver ? to : from, is_receiver ? from : to)) continue;
      if (knows_both || !shared) table_.touch(call, source_, now_ns_);
      const Following& now = following(call);
      if (!now.want.any()) {
        if (known.state != CallState::kActive && unwanted_count < unwanted.size()) unwanted[unwanted_count++] = call;
        unclaimed = false;
        continue;
      }
      wanted = true;
      forwarder_.want_media(frame, now.want, udp);
      if (is_receiver && learner == kNoCall) learner = call;
    }
  };
  claimed(receivers, true);
  claimed(senders, false);
  if (!announced_media_.empty()) {
    for (const Endpoint* endpoint : {&to, &from}) {
      const auto found = announced_media_.find(*endpoint);
      if (found == announced_media_.end()) continue;
      wanted = true;
      forwarder_.want_media(frame, found->second.want, udp);
    }
  }
  if (learner != kNoCall) {
    sip::Rtp rtp;
    if (sip::parse_rtp(udp.payload, rtp)) {
      // Symmetric RTP (RFC 4961): the peer is reached where it sends from, whatever its SDP said.
      if (note_stream(learner, udp, rtp) && !sender_is_known && from.port >= kLeastMediaPort) {
        table_.learn(learner, from);
      }
    }
  }
  if (wanted) return Claim::kWanted;
  if (unclaimed) return Claim::kNobody;
  // A call that was answered has said who it is; before, it may still turn out to be wanted.
  if (unwanted_count > 0 && plan_->filters->follows_calls()) {
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
  const std::vector<Endpoint>& media = table_.at(call).media;
  return std::any_of(media.begin(), media.end(), [&](const Endpoint& own) { return own.address == other.address; });
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
      forwarder_.want_media(frame, following(found->second).want, udp);
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
      forwarder_.want_media(frame, candidate.want, udp);
      return;
    }
  }
  ring_.keep_media(frame, from, to, now_ns_);
}

void CallFollower::expire(std::int64_t now_ns, std::int64_t wall_ns) {
  constexpr std::size_t kLooks = 64;
  ring_.expire(now_ns);
  table_.sweep(source_, now_ns, kLooks);
  if (table_.evicted() != 0 && !eviction_is_told_) {
    eviction_is_told_ = true;
    log::warning("more calls at a time than are kept in mind: the idlest are forgotten", {{"calls", table_.size()}});
  }
  if (announced_.empty() || wall_ns < next_announced_look_ns_) return;
  next_announced_look_ns_ = wall_ns + kAnnouncedLookNs;
  std::vector<std::string> over;
  for (const auto& [id, announced] : announced_) {
    if (announced.expires_at_ns != 0 && announced.expires_at_ns <= wall_ns) over.push_back(id);
  }
  for (const std::string& id : over) withdraw(id);
}

}  // namespace lc::calls
