#include "common/calls/call_table.h"

#include <absl/hash/hash.h>

#include <algorithm>
#include <array>
#include <utility>

namespace lc::calls {
namespace {

// Many more than that is no Call-ID of anybody's.
constexpr std::size_t kMaxCallId = 256;
constexpr std::size_t kMostSharing = 16;  // calls that expect media at the same address

std::uint64_t hash_of(std::string_view text) {
  return text.empty() ? 0 : absl::HashOf(text) | 1;
}

using Room = std::array<char, kMaxCallId>;

// A longer one ends in a hash, so that those which begin alike stay apart. (Debian builds Abseil with a string_view of
// its own.)
absl::string_view bounded(std::string_view call_id, Room& room) {
  if (call_id.size() <= room.size()) return {call_id.data(), call_id.size()};
  std::copy_n(call_id.begin(), room.size(), room.begin());
  std::uint64_t hash = hash_of(call_id);
  for (auto digit = room.rbegin(); digit != room.rbegin() + 16; ++digit, hash >>= 4) {
    *digit = "0123456789abcdef"[hash & 15];
  }
  return {room.data(), room.size()};
}

}  // namespace

bool is_call(const Call& call, const sip::Message& message) {
  return call.state != CallState::kOther || message.method == "ACK" || message.method == "PRACK" ||
         message.method == "UPDATE";
}

CallIndex CallTable::find(std::string_view call_id) const {
  Room room;
  const auto found = by_id_.find(bounded(call_id, room));
  return found == by_id_.end() ? kNoCall : found->second;
}

std::span<const CallIndex> CallTable::at_endpoint(const Endpoint& endpoint) const {
  const auto found = claims_.find(endpoint);
  if (found == claims_.end()) return {};
  return {found->second.calls.data(), found->second.calls.size()};
}

CallIndex CallTable::note(const sip::Message& message, const sip::Sdp* sdp, std::uint32_t source, std::int64_t now_ns) {
  CallIndex index = find(message.call_id);
  // It may be over, and this a new one of the same name. Another source's time tells nothing of that.
  if (index != kNoCall && calls_[index].source == source) judge(index, now_ns);
  Room room;
  if (index == kNoCall || !in_use(index)) index = add(bounded(message.call_id, room), source, now_ns);
  touch(index, source, now_ns);
  renew(index);
  note_state(calls_[index], message, now_ns);
  if (sdp != nullptr && calls_[index].ended_ns == 0) note_media(index, *sdp);
  return index;
}

CallIndex CallTable::add(absl::string_view call_id, std::uint32_t source, std::int64_t now_ns) {
  sweep(source, now_ns, 4);
  if (by_id_.size() >= limits_.calls) make_room();
  if (free_.empty()) {
    free_.push_back(static_cast<CallIndex>(calls_.size()));
    calls_.emplace_back();
    versions_.push_back(0);
  }
  const CallIndex index = free_.back();
  free_.pop_back();
  calls_[index] = {};
  calls_[index].id = std::string(call_id);
  by_id_.emplace(calls_[index].id, index);
  return index;
}

// RFC 3261 sections 9, 12, 13 and 15. An INVITE that fails may be followed by another (credentials, another target),
// and one branch of a fork may fail while another goes on: whatever says that the call lives takes its end back.
void CallTable::note_state(Call& call, const sip::Message& message, std::int64_t now_ns) {
  const auto end = [&](CallState state) {
    if (call.ended_ns == 0) call.ended_ns = now_ns;
    call.state = state;
  };
  const auto go_on = [&](CallState state) {
    call.ended_ns = 0;
    call.state = state;
  };
  if (message.is_request) {
    if (message.method == "INVITE") {
      if (call.caller_tag == 0) call.caller_tag = hash_of(message.from_tag);
      if (message.cseq > call.invite_cseq || call.state == CallState::kOther) {
        call.invite_cseq = std::max(call.invite_cseq, message.cseq);
        if (call.state != CallState::kActive) go_on(CallState::kTrying);
      }
    } else if (message.method == "BYE") {
      const std::uint64_t from = hash_of(message.from_tag);
      const std::uint64_t other = from == call.caller_tag ? hash_of(message.to_tag) : from;
      const auto found = std::find(call.established.begin(), call.established.end(), other);
      if (found != call.established.end()) call.established.erase(found);
      if (call.established.empty()) end(CallState::kEnded);
    } else if (message.method == "CANCEL" && call.state != CallState::kActive) {
      end(CallState::kCancelled);
    }
    return;
  }
  if (message.cseq_method != "INVITE") return;
  const std::uint64_t from = hash_of(message.from_tag);
  if (call.caller_tag == 0) call.caller_tag = from;
  if (message.cseq < call.invite_cseq) return;
  if (message.status < 200) {
    if (call.state != CallState::kActive && call.state != CallState::kEnded && call.state != CallState::kCancelled) {
      go_on(message.status == 100 ? CallState::kTrying : CallState::kRinging);
    }
  } else if (message.status < 300) {
    // The callee may ask too, to change the session.
    const std::uint64_t callee = from == call.caller_tag ? hash_of(message.to_tag) : from;
    if (call.state == CallState::kEnded) return;  // repeated after the BYE
    if (std::find(call.established.begin(), call.established.end(), callee) == call.established.end() &&
        call.established.size() < 8) {
      call.established.push_back(callee);
    }
    go_on(CallState::kActive);
  } else if (call.state != CallState::kActive && call.state != CallState::kEnded) {
    end(call.state == CallState::kCancelled ? CallState::kCancelled : CallState::kFailed);
  }
}

void CallTable::note_media(CallIndex index, const sip::Sdp& sdp) {
  for (const sip::Media& media : sdp.all()) {
    if (media.port == 0 || media.address.family() == packet::IpAddress::Family::kNone) continue;
    const auto zero = std::all_of(media.address.bytes().begin(), media.address.bytes().end(),
                                  [](std::uint8_t byte) { return byte == 0; });
    if (zero) continue;  // on hold, the old way (RFC 2543)
    const int streams = std::clamp<int>(media.port_count, 1, 8);
    for (int stream = 0; stream < streams; ++stream) {
      const int port = media.port + 2 * stream;
      if (port <= 0xffff) claim(index, {media.address, static_cast<std::uint16_t>(port)}, false);
      if (port < 0xffff && streams > 1) claim(index, {media.address, static_cast<std::uint16_t>(port + 1)}, false);
    }
    if (media.rtcp_port != 0) {
      const bool own = media.rtcp_address.family() != packet::IpAddress::Family::kNone;
      claim(index, {own ? media.rtcp_address : media.address, media.rtcp_port}, false);
    }
  }
}

void CallTable::learn(CallIndex call, const Endpoint& endpoint) {
  if (calls_[call].media.size() < limits_.media_per_call && !claims_.contains(endpoint)) claim(call, endpoint, true);
}

void CallTable::claim(CallIndex index, const Endpoint& endpoint, bool learned) {
  Claim& claim = claims_[endpoint];
  if (std::find(claim.calls.begin(), claim.calls.end(), index) != claim.calls.end()) {
    claim.learned = claim.learned && learned;
    return;
  }
  // A long call may change its addresses often.
  if (std::vector<Endpoint>& media = calls_[index].media; media.size() >= limits_.media_per_call) {
    const Endpoint oldest = media.front();
    media.erase(media.begin());
    drop_claim(index, oldest);
  }
  // Ports are used again: what a call announces is no longer another's that is over, or that only seemed to use it.
  const auto earlier = claim.calls;
  const bool was_learned = claim.learned;
  for (const CallIndex other : earlier) {
    if (!was_learned && calls_[other].ended_ns == 0) continue;
    drop_claim(other, endpoint);
    std::erase(calls_[other].media, endpoint);
  }
  // More than a few that share an address are no calls of their own, or somebody's mischief: each packet would be
  // theirs.
  if (const auto full = claims_.find(endpoint); full != claims_.end() && full->second.calls.size() >= kMostSharing) {
    const CallIndex oldest = full->second.calls.front();
    drop_claim(oldest, endpoint);
    std::erase(calls_[oldest].media, endpoint);
  }
  Claim& now = claims_[endpoint];
  now.calls.push_back(index);
  now.learned = learned;
  calls_[index].media.push_back(endpoint);
  for (const CallIndex call : now.calls) renew(call);
  listener_.media_claimed(index, endpoint);
}

void CallTable::drop_claim(CallIndex index, const Endpoint& endpoint) {
  const auto found = claims_.find(endpoint);
  if (found == claims_.end()) return;
  auto& calls = found->second.calls;
  const auto mine = std::find(calls.begin(), calls.end(), index);
  if (mine == calls.end()) return;
  calls.erase(mine);
  renew(index);
  for (const CallIndex other : calls) renew(other);
  if (calls.empty()) claims_.erase(found);
  listener_.media_withdrawn(index, endpoint);
}

void CallTable::withdraw_media(CallIndex index) {
  const std::vector<Endpoint> media = std::move(calls_[index].media);
  calls_[index].media.clear();
  for (const Endpoint& endpoint : media) drop_claim(index, endpoint);
}

void CallTable::remove(CallIndex index) {
  withdraw_media(index);
  listener_.call_removed(index);
  by_id_.erase(calls_[index].id);
  calls_[index] = {};
  renew(index);
  free_.push_back(index);
}

void CallTable::judge(CallIndex index, std::int64_t now_ns) {
  const Call& call = calls_[index];
  if (call.ended_ns != 0 && now_ns - std::max(call.ended_ns, call.last_ns) > limits_.forget_ns) {
    remove(index);
  } else if (now_ns - call.last_ns > limits_.idle_ns) {
    remove(index);
  } else if (call.ended_ns != 0 && now_ns - call.ended_ns > limits_.grace_ns) {
    withdraw_media(index);
  }
}

void CallTable::sweep(std::uint32_t source, std::int64_t now_ns, std::size_t most) {
  for (std::size_t looks = std::min(most, calls_.size()); looks > 0; --looks) {
    hand_ = hand_ + 1 < calls_.size() ? hand_ + 1 : 0;
    if (in_use(hand_) && calls_[hand_].source == source) judge(hand_, now_ns);
  }
}

void CallTable::sweep_all(std::span<const std::int64_t> now_ns) {
  for (CallIndex call = 0; call < calls_.size(); ++call) {
    if (!in_use(call) || calls_[call].source >= now_ns.size()) continue;
    if (const std::int64_t now = now_ns[calls_[call].source]; now != 0) judge(call, now);
  }
}

void CallTable::make_room() {
  constexpr int kLooks = 64;
  CallIndex idlest = kNoCall;
  for (int looks = 0; looks < kLooks; ++looks) {
    hand_ = hand_ + 1 < calls_.size() ? hand_ + 1 : 0;
    if (!in_use(hand_)) continue;
    const auto rank = [this](CallIndex call) { return std::pair(calls_[call].ended_ns == 0, calls_[call].last_ns); };
    if (idlest == kNoCall || rank(hand_) < rank(idlest)) idlest = hand_;
  }
  ++evicted_;
  remove(idlest);
}

}  // namespace lc::calls
