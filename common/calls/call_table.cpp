#include "common/calls/call_table.h"

#include <absl/hash/hash.h>

#include <algorithm>
#include <array>
#include <utility>

namespace lc::calls {
namespace {

// Many more than that is no Call-ID of anybody's.
constexpr std::size_t kMaxCallId = 256;
constexpr std::size_t kMostSharing = 16;   // calls that expect media at the same address
constexpr std::size_t kMostBranches = 64;  // of a call

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

std::uint64_t depth_of(const sip::Message& message) {
  return std::min<std::uint32_t>(message.vias, 0xff);
}

std::uint64_t transaction_of(const sip::Message& message) {
  return (hash_of(message.branch) & ~std::uint64_t{0xff}) | depth_of(message);
}

template <typename Hashes>
bool contains(const Hashes& hashes, std::uint64_t hash) {
  return std::find(hashes.begin(), hashes.end(), hash) != hashes.end();
}

template <typename Hashes>
void note_hash(Hashes& hashes, typename Hashes::value_type hash) {
  if (!contains(hashes, hash) && hashes.size() < kMostBranches) hashes.push_back(hash);
}

// False: it repeats one.
bool begin_transaction(Call& call, const sip::Message& message) {
  const std::uint64_t transaction = transaction_of(message);
  if (contains(call.tried, transaction)) return false;
  note_hash(call.tried, transaction);
  note_hash(call.trying, transaction);
  return true;
}

// True when the call has no other left: a proxy that forks has one with each phone (RFC 3261 section 16.7), and what
// fails there is not the caller's answer. That one ends all behind it, seen or not.
bool end_transaction(Call& call, const sip::Message& message) {
  const std::uint64_t ended = transaction_of(message);
  const auto is_over = [&](std::uint64_t one) { return one == ended || (one & 0xff) > depth_of(message); };
  call.trying.erase(std::remove_if(call.trying.begin(), call.trying.end(), is_over), call.trying.end());
  return call.trying.empty() && call.tried.size() < kMostBranches;
}

// The same whichever side asks (RFC 3261 section 12).
std::uint64_t dialog_of(const sip::Message& message) {
  return hash_of(message.from_tag) + hash_of(message.to_tag);
}

// A version that is none says nothing of what is later. Speakers may name their sessions alike.
std::uint32_t session_of(const sip::Sdp& sdp, const sip::Message& message) {
  if (sdp.version == 0) return 0;
  const std::string_view speaker = message.is_request ? message.from_tag : message.to_tag;
  return static_cast<std::uint32_t>((hash_of(sdp.session) * 31 + hash_of(sdp.session_address)) * 31 +
                                    hash_of(speaker)) |
         1;
}

// RFC 3515 section 2.4.5: the body is a status line, of the request that the REFER has led to.
bool tells_outcome(const sip::Message& message) {
  constexpr std::string_view kBegin = "SIP/2.0 ";
  return message.method == "NOTIFY" && message.body.starts_with(kBegin) && message.body.size() > kBegin.size() &&
         message.body[kBegin.size()] >= '2';
}

auto find_media(std::vector<CallMedia>& media, const Endpoint& endpoint) {
  return std::find_if(media.begin(), media.end(), [&](const CallMedia& one) { return one.endpoint == endpoint; });
}

bool refuses_offer(const sip::Message& message) {
  return message.status >= 300 && (message.cseq_method == "INVITE" || message.cseq_method == "UPDATE");
}

// Better too much than too little: whoever judges a packet not to be the call's loses it for ever.
void keep_media(Call& call) {
  call.keeps_media = true;
  call.left_ns = 0;
  for (CallMedia& media : call.media) media.left_ns = 0;
}

// A version that falls says nothing of which one is later.
bool falls(const Call& call, std::uint32_t session, std::uint64_t version) {
  return session != 0 && std::any_of(call.media.begin(), call.media.end(), [&](const CallMedia& media) {
           return media.session == session && media.version > version;
         });
}

void note_offer(Call::Offer& offered, const sip::Message& message, std::uint32_t session) {
  const std::uint64_t from = hash_of(message.from_tag);
  if (offered.from != from || offered.cseq != message.cseq) offered.sessions.clear();
  offered.from = from;
  offered.cseq = message.cseq;
  note_hash(offered.sessions, session);
}

bool answers_offer(const Call& call, const sip::Message& message) {
  if (message.is_request) return message.method == "ACK";  // of what a 2xx has offered
  return message.status / 100 == 2 && message.cseq == call.offered.cseq &&
         hash_of(message.from_tag) == call.offered.from;
}

// With an answer its offer is in force. What a session had before goes by that session's own versions.
void note_left(Call& call, std::uint32_t session, std::int64_t now_ns) {
  for (CallMedia& media : call.media) {
    if (media.left_ns != 0 || media.session == 0 || media.session != session) continue;
    const bool is_left = std::any_of(call.media.begin(), call.media.end(), [&](const CallMedia& other) {
      return other.session == media.session && other.version > media.version;
    });
    if (!is_left) continue;
    media.left_ns = now_ns;
    if (call.left_ns == 0) call.left_ns = now_ns;
  }
}

void forget_media(std::vector<CallMedia>& media, const Endpoint& endpoint) {
  std::erase_if(media, [&](const CallMedia& one) { return one.endpoint == endpoint; });
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
  note_session(index, message, sdp, now_ns);
  return index;
}

// Media, and what is left of that which was announced before.
void CallTable::note_session(CallIndex index, const sip::Message& message, const sip::Sdp* sdp, std::int64_t now_ns) {
  if (calls_[index].state == CallState::kActive && refuses_offer(message)) keep_media(calls_[index]);
  if (sdp == nullptr || calls_[index].ended_ns != 0) return;
  const std::uint32_t session = session_of(*sdp, message);
  if (falls(calls_[index], session, sdp->version)) keep_media(calls_[index]);
  note_media(index, *sdp, {.session = session, .version = sdp->version});
  Call& call = calls_[index];
  if (!call.keeps_media && answers_offer(call, message)) {
    note_left(call, session, now_ns);
    for (const std::uint32_t offered : call.offered.sessions) note_left(call, offered, now_ns);
  }
  if (message.is_request) note_offer(call.offered, message, session);
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
// or, behind the last transaction, another branch of a fork: whatever says that the call lives takes its end back.
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
      if (message.cseq > call.invite_cseq || call.state == CallState::kOther) {
        call.invite_cseq = std::max(call.invite_cseq, message.cseq);
        call.tried.clear();
        call.trying.clear();
        const bool is_met_in_its_middle = call.state == CallState::kOther && !message.to_tag.empty();
        if (is_met_in_its_middle) note_hash(call.established, dialog_of(message));
        if (call.state != CallState::kActive) go_on(is_met_in_its_middle ? CallState::kActive : CallState::kTrying);
      }
      const bool is_over = call.state == CallState::kFailed || call.state == CallState::kCancelled;
      const bool is_new = message.cseq == call.invite_cseq && begin_transaction(call, message);
      if (is_new && is_over) go_on(CallState::kTrying);  // the next phone of a fork, one after the other
    } else if (message.method == "BYE") {
      const auto found = std::find(call.established.begin(), call.established.end(), dialog_of(message));
      if (found != call.established.end()) call.established.erase(found);
      note_hash(call.left, dialog_of(message));
      if (call.established.empty()) end(CallState::kEnded);
    } else if (message.method == "CANCEL" && call.state != CallState::kActive) {
      if (end_transaction(call, message)) end(CallState::kCancelled);
    } else if (message.method == "REFER") {
      call.transfers = true;
    } else if (tells_outcome(message)) {
      call.transfers = false;
    }
    return;
  }
  if (message.cseq_method == "REFER" && message.status >= 300) call.transfers = false;
  if (message.cseq_method != "INVITE") return;
  if (message.cseq < call.invite_cseq) return;
  const std::uint64_t dialog = dialog_of(message);
  if (!message.to_tag.empty() && message.status < 300) {
    if (call.first_dialog == 0) call.first_dialog = dialog;
    if (call.first_dialog != dialog) keep_media(call);
  }
  if (message.status < 200) {
    if (call.state != CallState::kActive && call.state != CallState::kEnded && call.state != CallState::kCancelled) {
      go_on(message.status == 100 ? CallState::kTrying : CallState::kRinging);
    }
  } else if (message.status < 300) {
    if (call.state == CallState::kEnded) return;  // repeated after the BYE
    if (!contains(call.left, dialog)) note_hash(call.established, dialog);
    go_on(CallState::kActive);
  } else if (call.state != CallState::kActive && call.state != CallState::kEnded) {
    constexpr int kRequestTerminated = 487;
    const bool cancelled = call.state == CallState::kCancelled || message.status == kRequestTerminated;
    if (end_transaction(call, message)) end(cancelled ? CallState::kCancelled : CallState::kFailed);
  }
}

void CallTable::note_media(CallIndex index, const sip::Sdp& sdp, CallMedia announced) {
  const auto announce = [&](const packet::IpAddress& address, int port) {
    announced.endpoint = {address, static_cast<std::uint16_t>(port)};
    claim(index, announced, false);
  };
  for (const sip::Media& media : sdp.all()) {
    if (media.port == 0 || media.address.family() == packet::IpAddress::Family::kNone) continue;
    const auto zero = std::all_of(media.address.bytes().begin(), media.address.bytes().end(),
                                  [](std::uint8_t byte) { return byte == 0; });
    if (zero) continue;  // on hold, the old way (RFC 2543)
    const int streams = std::clamp<int>(media.port_count, 1, 8);
    for (int stream = 0; stream < streams; ++stream) {
      const int port = media.port + 2 * stream;
      if (port <= 0xffff) announce(media.address, port);
      if (port < 0xffff && streams > 1) announce(media.address, port + 1);
    }
    if (media.rtcp_port != 0) {
      const bool own = media.rtcp_address.family() != packet::IpAddress::Family::kNone;
      announce(own ? media.rtcp_address : media.address, media.rtcp_port);
    }
  }
}

void CallTable::learn(CallIndex call, const Endpoint& endpoint) {
  if (calls_[call].media.size() < limits_.media_per_call && !claims_.contains(endpoint))
    claim(call, {.endpoint = endpoint}, true);
}

void CallTable::claim(CallIndex index, const CallMedia& announced, bool learned) {
  const Endpoint& endpoint = announced.endpoint;
  Claim& claim = claims_[endpoint];
  if (std::find(claim.calls.begin(), claim.calls.end(), index) != claim.calls.end()) {
    claim.learned = claim.learned && learned;
    CallMedia& known = *find_media(calls_[index].media, endpoint);
    if (!learned) known = announced;
    return;
  }
  // A long call may change its addresses often.
  if (std::vector<CallMedia>& media = calls_[index].media; media.size() >= limits_.media_per_call) {
    const Endpoint oldest = media.front().endpoint;
    media.erase(media.begin());
    drop_claim(index, oldest);
  }
  // Ports are used again: what a call announces is no longer another's that is over, or that only seemed to use it.
  const auto earlier = claim.calls;
  const bool was_learned = claim.learned;
  for (const CallIndex other : earlier) {
    if (!was_learned && calls_[other].ended_ns == 0) continue;
    drop_claim(other, endpoint);
    forget_media(calls_[other].media, endpoint);
  }
  // More than a few that share an address are no calls of their own, or somebody's mischief: each packet would be
  // theirs.
  if (const auto full = claims_.find(endpoint); full != claims_.end() && full->second.calls.size() >= kMostSharing) {
    const CallIndex oldest = full->second.calls.front();
    drop_claim(oldest, endpoint);
    forget_media(calls_[oldest].media, endpoint);
  }
  Claim& now = claims_[endpoint];
  now.calls.push_back(index);
  now.learned = learned;
  calls_[index].media.push_back(announced);
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
  const std::vector<CallMedia> media = std::move(calls_[index].media);
  calls_[index].media.clear();
  for (const CallMedia& one : media) drop_claim(index, one.endpoint);
}

void CallTable::withdraw_left(CallIndex index, std::int64_t now_ns) {
  Call& call = calls_[index];
  call.left_ns = 0;
  std::vector<CallMedia> kept;
  for (const CallMedia& media : call.media) {
    if (media.left_ns != 0 && now_ns - media.left_ns > limits_.grace_ns) {
      drop_claim(index, media.endpoint);
      continue;
    }
    if (media.left_ns != 0) call.left_ns = call.left_ns == 0 ? media.left_ns : std::min(call.left_ns, media.left_ns);
    kept.push_back(media);
  }
  call.media = std::move(kept);
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
  } else if (call.left_ns != 0 && now_ns - call.left_ns > limits_.grace_ns) {
    withdraw_left(index, now_ns);
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
