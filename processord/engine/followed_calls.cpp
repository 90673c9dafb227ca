#include "processord/engine/followed_calls.h"

#include <pthread.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <utility>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/calls/plain_datagram.h"
#include "common/sip/message.h"
#include "common/sip/rtp.h"

namespace lc::processor {
namespace {

using namespace std::chrono_literals;

constexpr std::uint8_t kUdp = 17;
constexpr auto kTick = 1s;
constexpr std::int64_t kTouchNs = 10'000'000'000;
constexpr auto kRenewal = 60s;

enum Protocol : std::size_t { kSip, kWebSocket };

bool follows_calls(fleet::FilterType type) {
  switch (type) {
    case fleet::FilterType::kSipUser:
    case fleet::FilterType::kSipUri:
    case fleet::FilterType::kPhoneNumber:
    case fleet::FilterType::kCallId:
    case fleet::FilterType::kCodec:
    case fleet::FilterType::kImsi:
    case fleet::FilterType::kImei:
      return true;
    default:
      return false;
  }
}

std::uint64_t meaning_of(const fleet::Filter& filter) {
  return XXH3_64bits_withSeed(filter.pattern.data(), filter.pattern.size(), static_cast<XXH64_hash_t>(filter.type));
}

}  // namespace

FollowedCalls::FollowedCalls(FilterTable& filters, MediaDirectory& media)
    : filters_(filters),
      media_(media),
      dissector_({sip::stream_protocol(), sip::websocket_protocol()}, frames_, *this),
      table_({}, *this) {}

FollowedCalls::~FollowedCalls() {
  stop();
}

void FollowedCalls::start() {
  thread_ = std::jthread([this] {
    ::pthread_setname_np(::pthread_self(), "calls");
    run();
  });
}

void FollowedCalls::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  arrived_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void FollowedCalls::push(std::shared_ptr<const packet::Batch> batch) {
  if (batch->matched().size() <= 1) return;
  bool full = false;
  {
    const std::lock_guard lock(mutex_);
    full = queued_bytes_ >= kQueueBytes;
    if (!full) {
      queued_bytes_ += batch->memory_bytes();
      queue_.push_back(std::move(batch));
    }
  }
  if (!full) {
    arrived_.notify_one();
  } else if (skipped_.fetch_add(1) == 0) {
    log::warning("signalling is read more slowly than it comes: media that passes other hunters may be missed");
  }
}

void FollowedCalls::run() {
  auto next_sweep = Clock::now() + kTick;
  for (;;) {
    std::deque<std::shared_ptr<const packet::Batch>> batches;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait_until(lock, next_sweep, [this] { return stop_ || !queue_.empty(); });
      if (stop_) return;
      batches.swap(queue_);
      queued_bytes_ = 0;
    }
    for (const auto& batch : batches) {
      take(*batch);
      publish();
    }
    if (Clock::now() >= next_sweep) {
      sweep();
      publish();
      next_sweep = Clock::now() + kTick;
    }
  }
}

std::shared_ptr<const FollowedCalls::Interest> FollowedCalls::interest_of(const packet::MatchedIds& matched) const {
  Interest interest;
  matched.for_each([&](std::string_view id) {
    const FilterPointer filter = filters_.board().find_enabled(id);
    if (filter && follows_calls(filter->type)) add(interest, *filter);
  });
  return interest.filters.empty() ? nullptr : std::make_shared<const Interest>(std::move(interest));
}

/// Of the filters that wanted it, those that are still there and mean the same.
FollowedCalls::Interest FollowedCalls::interest_in(calls::CallIndex call) const {
  Interest interest;
  for (const Wanting& wanting : wanted_by_[call]) {
    const FilterPointer filter = filters_.board().find_enabled(wanting.id);
    if (filter && meaning_of(*filter) == wanting.meaning) add(interest, *filter);
  }
  return interest;
}

void FollowedCalls::add(Interest& interest, const fleet::Filter& filter) {
  interest.filters.push_back({filter.id, meaning_of(filter)});
  // Who asks for most decides: full, then headers.
  if (filter.action == fleet::CaptureAction::kFull || interest.action == fleet::CaptureAction::kSignalling) {
    interest.action = filter.action;
  }
}

// Filters are those of the processor that the hunter is registered at: what comes from below matched others' filters,
// which may have the ids of ours. But it may be media of what is followed here, and keeps that from being idle.
void FollowedCalls::take(const packet::Batch& batch) {
  const bool is_own = batch.source() == batch.header().hunter_id;
  struct Hits {
    std::uint64_t packets = 0;
    std::int64_t last_ns = 0;
  };
  std::vector<Hits> hits(batch.matched().size());
  std::vector<std::shared_ptr<const Interest>> interests(batch.matched().size());
  for (std::size_t i = 1; is_own && i < interests.size(); ++i) interests[i] = interest_of(batch.matched()[i]);

  const std::uint32_t index = sources_.index_of(batch.source());
  constexpr std::size_t kAhead = 8;  // packets whose headers come from memory meanwhile
  const auto packets = batch.packets();
  for (std::size_t i = 0; i < packets.size(); ++i) {
    if (i + kAhead < packets.size()) __builtin_prefetch(batch.data_of(packets[i + kAhead]));
    const packet::PacketEntry& entry = packets[i];
    if (entry.matched == 0) continue;
    Hits& hit = hits[entry.matched];
    ++hit.packets;
    hit.last_ns = std::max(hit.last_ns, entry.timestamp_ns);
    const std::uint32_t link_type = batch.interfaces()[entry.interface].link_type;
    const std::int64_t now_ns = sources_.time_of(index, entry.interface, entry.timestamp_ns);
    if (is_spoken_for(batch.view(entry), link_type) || is_known_media(batch.view(entry), link_type, now_ns)) continue;
    if (!interests[entry.matched]) {
      look_shortly(batch.view(entry), link_type, {nullptr, index, now_ns});
      continue;
    }
    const calls::FrameId frame = frames_.begin(batch.view(entry), {index << 8 | (entry.interface & 0xffU), link_type});
    if (seen_.size() <= frame) seen_.resize(frame + 1);
    seen_[frame] = {interests[entry.matched], index, now_ns};
    dissector_.add(frame, link_type, now_ns);
    frames_.finish();
  }
  sources_.seen(index, wall_ns());
  for (std::size_t i = 1; is_own && i < hits.size(); ++i) {
    batch.matched()[i].for_each(
        [&](std::string_view id) { filters_.count_hits(id, hits[i].packets, hits[i].last_ns); });
  }
}

void FollowedCalls::datagram(const packet::IpPacket& ip, calls::FrameId frame) {
  const Seen& seen = seen_[frame];
  if (ip.protocol == kUdp && sip::begins_message(ip.payload)) {
    sip(ip.payload, seen);
  } else if (ip.protocol == kUdp && ip.has_ports) {
    touch({calls::unmapped(ip.source), ip.source_port}, {calls::unmapped(ip.destination), ip.destination_port}, seen);
  }
}

// Media that another processor's filters want, ours being none the wiser.
void FollowedCalls::look_shortly(const packet::PacketView& frame, std::uint32_t link_type, const Seen& seen) {
  calls::PlainDatagram datagram;
  if (!calls::read_plain(link_type, {frame.data, frame.captured}, datagram)) return;
  if (!sip::begins_message(datagram.payload)) touch(datagram.from, datagram.to, seen);
}

// Of a stream of RTP one packet in sixteen says as much as all of them: that it goes on.
bool FollowedCalls::is_spoken_for(const packet::PacketView& frame, std::uint32_t link_type) {
  constexpr std::uint16_t kOneIn = 16;
  const auto payload = calls::payload_of_plain(link_type, {frame.data, frame.captured});
  sip::Rtp rtp;
  return !payload.empty() && sip::parse_rtp(payload, rtp) && rtp.sequence % kOneIn != 0;
}

// Most packets of wanted calls are media, of which there is nothing to learn.
bool FollowedCalls::is_known_media(const packet::PacketView& frame, std::uint32_t link_type,
                                   std::int64_t now_ns) const {
  calls::PlainDatagram datagram;
  return calls::read_plain(link_type, {frame.data, frame.captured}, datagram) && was_touched(datagram.hash, now_ns) &&
         !sip::begins_message(datagram.payload);
}

bool FollowedCalls::was_touched(std::uint64_t hash, std::int64_t now_ns) const {
  const Touched& touched = touched_[hash % touched_.size()];
  const std::int64_t age_ns = now_ns - touched.time_ns;
  return touched.hash == hash && age_ns >= 0 && age_ns < kTouchNs;
}

// Media keeps its call from being idle; now and then is enough.
void FollowedCalls::touch(const calls::Endpoint& from, const calls::Endpoint& to, const Seen& seen) {
  const std::uint64_t hash = calls::stream_hash(from, to);
  if (was_touched(hash, seen.time_ns)) return;
  touched_[hash % touched_.size()] = {hash, seen.time_ns};
  media_.saw(from, to);
  for (const calls::Endpoint* endpoint : {&from, &to}) {
    for (const calls::CallIndex call : table_.at_endpoint(*endpoint)) table_.touch(call, seen.source, seen.time_ns);
  }
}

std::uint32_t FollowedCalls::message(std::size_t protocol, const packet::StreamEnds&,
                                     std::span<const std::uint8_t> bytes, std::span<const calls::FrameId> frames) {
  const Seen& seen = seen_[frames.back()];
  if (protocol == kWebSocket) {
    unmasked_.resize(std::max(unmasked_.size(), bytes.size()));
    sip(sip::websocket_payload(bytes, unmasked_), seen);
  } else {
    sip(bytes, seen);
  }
  return 0;
}

/// True when that is news.
bool FollowedCalls::note(std::vector<Wanting>& wanted_by, const Wanting& wanting) {
  const auto known =
      std::find_if(wanted_by.begin(), wanted_by.end(), [&](const Wanting& one) { return one.id == wanting.id; });
  if (known != wanted_by.end()) return std::exchange(known->meaning, wanting.meaning) != wanting.meaning;
  if (wanted_by.size() >= FollowedMedia::kMostFilters) return false;
  wanted_by.push_back(wanting);
  return true;
}

void FollowedCalls::sip(std::span<const std::uint8_t> bytes, const Seen& seen) {
  sip::Message message;
  if (!sip::parse_message(bytes, message)) return;
  sip::Sdp sdp;
  const bool has_sdp = !message.body.empty() && sip::parse_sdp(message.content_type, message.body, sdp);
  if (has_sdp) calls::unmap(sdp);
  const calls::CallIndex call = table_.note(message, has_sdp ? &sdp : nullptr, seen.source, seen.time_ns);
  if (wanted_by_.size() <= call) wanted_by_.resize(table_.capacity());
  bool more = false;
  for (const Wanting& wanting : seen.interest->filters) more = note(wanted_by_[call], wanting) || more;
  if (has_sdp || more) update(call);
}

void FollowedCalls::update(calls::CallIndex call) {
  if (call < wanted_by_.size() && !wanted_by_[call].empty()) changed_.insert(call);
}

FollowedMedia FollowedCalls::media_of(calls::CallIndex call) const {
  const calls::Call& known = table_.at(call);
  const Interest interest = interest_in(call);
  if (interest.action == fleet::CaptureAction::kSignalling) return {.call_id = known.id};
  FollowedMedia media{.call_id = known.id, .action = interest.action};
  for (const Wanting& wanting : interest.filters) media.follows.push_back(wanting.id);
  for (const calls::CallMedia& one : known.media) {
    if (media.endpoints.size() == FollowedMedia::kMostEndpoints) break;
    media.endpoints.push_back(one.endpoint);
  }
  return media;
}

void FollowedCalls::media_withdrawn(calls::CallIndex call, const calls::Endpoint&) {
  update(call);
}

void FollowedCalls::call_removed(calls::CallIndex call) {
  if (call >= wanted_by_.size() || wanted_by_[call].empty()) return;
  wanted_by_[call].clear();
  changed_.erase(call);
  over_.push_back({.call_id = table_.at(call).id, .is_idle = table_.at(call).ended_ns == 0});
}

void FollowedCalls::sweep() {
  const SourceTimes::Times times = sources_.now(wall_ns());
  table_.sweep_all(times.of_source);
  // One hunter sends live and another what it kept during an outage: the parts of messages wait for the slower one.
  dissector_.expire(times.earliest);
  look_again();
  media_.tick();
}

// Filters may have gone, come back, or want another extent; and what is told is forgotten unless it is told again.
void FollowedCalls::look_again() {
  const std::uint64_t revision = filters_.board().revision();
  const Clock::time_point now = Clock::now();
  if (revision == board_revision_ && now < next_renewal_at_) return;
  board_revision_ = revision;
  next_renewal_at_ = now + kRenewal;
  for (calls::CallIndex call = 0; call < table_.capacity(); ++call) {
    if (table_.in_use(call)) update(call);
  }
}

void FollowedCalls::publish() {
  std::vector<FollowedMedia> told = std::exchange(over_, {});
  for (const calls::CallIndex call : std::exchange(changed_, {})) told.push_back(media_of(call));
  if (!told.empty()) media_.followed(told);
}

}  // namespace lc::processor
