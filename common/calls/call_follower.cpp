#include "common/calls/call_follower.h"

#include <algorithm>
#include <cstring>

#include "common/base/log.h"
#include "common/packet/batch.h"
#include "common/sip/message.h"
#include "common/sip/sdp.h"

namespace lc::calls {
namespace {

constexpr std::size_t kMaxBefore = 64;       // frames of a call's signalling that wait
constexpr std::size_t kMaxIdentities = 768;  // bytes kept of who takes part
constexpr std::int64_t kAnnouncedLookNs = 10'000'000'000;

}  // namespace

Want CallObserver::want_of(CallIndex call) {
  Want want;
  want.add({reinterpret_cast<const char*>(&call), sizeof call}, MediaExtent::kFull);
  return want;
}

void CallObserver::for_each_call(const Want& want, const std::function<void(CallIndex)>& visit) {
  packet::MatchedIds(want.encoded).for_each([&](std::string_view id) {
    CallIndex call = kNoCall;
    if (id.size() == sizeof call) std::memcpy(&call, id.data(), sizeof call);
    visit(call);
  });
}

CallFollower::CallFollower(FrameStore& frames, Judge& judge, CallObserver* observer)
    : frames_(frames), judge_(judge), observer_(observer), table_({}, *this), ring_({}, frames) {}

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
  if (observer_ != nullptr) {
    observe(call, message, has_sdp ? &sdp : nullptr, frames.back());
  } else {
    note_identities(following(call), message);
    matches_.clear();
    plan_->filters->match_sip(message, matches_);
    if (has_sdp) plan_->filters->match_codecs(sdp, matches_);
    follow(call, matches_);
  }

  Following& now = following(call);
  for (const FrameId frame : frames) {
    if (now.want.any()) {
      judge_.want(frame, now.want);
    } else if (waits()) {
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
    judge_.want(frame, now.want);
  } else if (waits() && table_.in_use(call) && now.before.size() < kMaxBefore) {
    now.before.push_back(ring_.keep(frame, now_ns_));
  }
}

void CallFollower::observe(CallIndex call, const sip::Message& message, const sip::Sdp* sdp, FrameId frame) {
  Following& now = following(call);
  if (!observer_->signalling(call, message, sdp, frame) || now.want.any()) return;
  now.want = CallObserver::want_of(call);
  table_.renew(call);
  release_held(call);
}

/// True: the call is wanted, and was not before.
bool CallFollower::follow(CallIndex call, const filter::Matches& matches) {
  if (matches.empty()) return false;
  Following& now = following(call);
  const bool before = now.want.any();
  plan_->add(matches, now.want);
  table_.renew(call);
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
    for (CallIndex call = 0; call < following_.size(); ++call) {
      if (!following_[call].want.any()) continue;
      following_[call].want = plan_->still_wanted(*before, following_[call].want);
      table_.renew(call);
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
    for (const auto& [endpoint, media] : announced_media_) renew_at(endpoint);
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
  renew_at(endpoint);
}

void CallFollower::renew_at(const Endpoint& endpoint) {
  for (const CallIndex call : table_.at_endpoint(endpoint)) table_.renew(call);
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
  if (observer_ != nullptr) observer_->removed(call);
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
  for (const CallMedia& media : table_.at(call).media) ring_.take(media.endpoint, taken_);
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
      judge_.want_media(one.frame, want);
    } else {
      judge_.want(one.frame, want);
    }
  }
  for (const Held& one : held) frames_.release(one.frame);
  taken.clear();
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
