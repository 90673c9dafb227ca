// Nothing of a frame is decided before all of it was looked at: what matches by its addresses may also end a message
// that a call wants, and then travels with the ids of both.
#include "common/calls/selector.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "common/base/clock.h"
#include "common/filter/stream_protocols.h"
#include "common/packet/tunnel.h"
#include "common/sip/message.h"

namespace lc::calls {
namespace {

constexpr std::uint8_t kUdp = 17;
constexpr std::uint16_t kDns = 53;
constexpr std::uint16_t kMulticastDns = 5353;
// Well above what waits when all parts are at their bounds: beyond, everything that waits is judged by what is there.
constexpr std::size_t kMostHeldBytes = std::size_t{96} << 20;
constexpr std::size_t kMostHeldFrames = 1'000'000;
constexpr std::int64_t kExpiryNs = 100'000'000;  // between two looks for what has waited too long

// In the order of protocols().
enum Protocol : std::size_t { kSip, kWebSocket, kTls, kHttp, kMail, kDnsStream };

bool is_dns(std::uint16_t port) {
  return port == kDns || port == kMulticastDns;
}

std::vector<packet::StreamProtocol> protocols() {
  return {sip::stream_protocol(),  sip::websocket_protocol(), filter::tls_protocol(),
          filter::http_protocol(), filter::mail_protocol(),   filter::dns_protocol()};
}

}  // namespace

Selector::Selector(NoFilterPolicy policy)
    : policy_(policy),
      plan_(Plan::without_filters()),
      forwarder_(frames_),
      calls_(frames_, forwarder_),
      dissector_(protocols(), frames_, *this) {
  calls_.use(plan_);
}

void Selector::use(std::shared_ptr<const filter::FilterSet> filters) {
  const std::uint64_t revision = filters->revision();
  auto plan = std::make_shared<const Plan>(std::move(filters));
  pending_.with([&](Pending& pending) { pending.plan = std::move(plan); });
  any_pending_.store(true);
  revision_.store(revision);
}

void Selector::change_endpoints(std::vector<fleet::Filter> added, std::vector<std::string> removed, bool anew) {
  pending_.with([&](Pending& pending) {
    if (anew) pending.endpoints.clear();
    pending.endpoints.push_back({std::move(added), std::move(removed), anew});
  });
  any_pending_.store(true);
}

Selector::Turn::Turn(Selector& selector, Outlet& outlet) : selector_(selector), lock_(selector.mutex_) {
  selector_.forwarder_.set_outlet(&outlet);
  if (selector_.any_pending_.load()) selector_.apply_pending();
  revision_ = selector_.plan_->filters->revision();
  if (selector_.wants_everything()) lock_.unlock();
}

Selector::Turn::~Turn() {
  if (lock_.owns_lock()) selector_.publish_counts();
}

bool Selector::wants_everything() const {
  return plan_->filters->empty() && policy_ == NoFilterPolicy::kAll;
}

void Selector::apply_pending() {
  any_pending_.store(false);
  Pending pending = pending_.with([](Pending& waiting) { return std::exchange(waiting, {}); });
  if (pending.plan) {
    const std::shared_ptr<const Plan> before = std::exchange(plan_, std::move(pending.plan));
    calls_.use(plan_);
    connections_.for_each([&](Want& want) { want = plan_->still_wanted(*before, want); });
    if (wants_everything()) {
      finish();  // what waited was not wanted when it came
      publish_counts();
    }
  }
  for (const EndpointChange& change : pending.endpoints) {
    calls_.change_endpoints(change.added, change.removed, change.anew);
  }
}

void Selector::look(const packet::PacketView& view, const Origin& origin) {
  now_ns_ = clock_.time_of(origin.interface, view.timestamp_ns);
  calls_.at(origin.interface, now_ns_);
  if (!look_shortly(view, origin)) look_inside(view, origin);
  if (now_ns_ >= next_expiry_ns_ || now_ns_ < next_expiry_ns_ - 2 * kExpiryNs) expire(now_ns_);
}

// A known stream of media is nobody else's, unless there are filters that judge each packet.
bool Selector::look_shortly(const packet::PacketView& view, const Origin& origin) {
  const filter::FilterSet& filters = *plan_->filters;
  if (!filters.follows_calls() || filters.any_bpf() || filters.any_address()) return false;
  PlainDatagram datagram;
  if (!read_plain(origin.link_type, {view.data, view.captured}, datagram)) return false;
  if (filters.any_dns() && (is_dns(datagram.from.port) || is_dns(datagram.to.port))) return false;
  StreamMemo::Entry* const known = calls_.known(datagram);
  if (known == nullptr) return false;
  if (known->note == StreamMemo::kUnwanted) {
    frames_.count_dropped();
  } else {
    const Want& want = calls_.want_of(*known);
    if (want.media != MediaExtent::kFull) return false;
    forwarder_.pass_on(view, origin, want);
  }
  calls_.heard(*known);
  return true;
}

void Selector::look_inside(const packet::PacketView& view, const Origin& origin) {
  const FrameId frame = frames_.begin(view, origin);
  forwarder_.begin(frame);
  direct_.clear();
  if (plan_->filters->any_bpf()) {
    matches_.clear();
    plan_->filters->match_bpf(view, origin.link_type, matches_);
    plan_->add(matches_, direct_);
  }
  dissector_.add(frame, origin.link_type, now_ns_);
  forwarder_.conclude(direct_, origin.link_type);
  frames_.finish();
  if (frames_.held_bytes() > kMostHeldBytes || frames_.held_frames() > kMostHeldFrames) finish();
}

void Selector::header(const packet::IpPacket& ip, FrameId frame, bool joined) {
  if (!plan_->filters->any_address()) return;
  matches_.clear();
  plan_->filters->match_address(ip.source, matches_);
  plan_->filters->match_address(ip.destination, matches_);
  if (matches_.empty()) return;
  if (!joined) {
    plan_->add(matches_, direct_);
    return;
  }
  want_.clear();
  plan_->add(matches_, want_);
  forwarder_.want(frame, want_);
}

void Selector::datagram(const packet::IpPacket& ip, FrameId frame) {
  if (!plan_->looks_inside && !calls_.has_endpoints() && !plan_->filters->empty()) return;
  const filter::FilterSet& filters = *plan_->filters;
  if (ip.protocol != kUdp) {
    packet::IpPacket udp;
    if (filters.follows_calls() && packet::decode_quoted_udp(ip, udp)) calls_.undelivered(udp, frame);
    return;
  }
  if (filters.any_dns() && ip.has_ports && (is_dns(ip.source_port) || is_dns(ip.destination_port))) {
    matches_.clear();
    filters.match_dns(ip.payload, matches_);
    if (!matches_.empty()) {
      want_.clear();
      plan_->add(matches_, want_);
      forwarder_.want(frame, want_);
    }
  }
  if (filters.follows_calls() && calls_.sip(ip.payload, {&frame, 1}) != 0) return;
  if (filters.follows_calls() || filters.empty() || calls_.has_endpoints()) calls_.datagram(ip, frame);
}

std::uint32_t Selector::message(std::size_t protocol, const packet::StreamEnds& ends,
                                std::span<const std::uint8_t> bytes, std::span<const FrameId> frames) {
  const filter::FilterSet& filters = *plan_->filters;
  matches_.clear();
  switch (protocol) {
    case kSip:
    case Dissector::kSctp:
      return filters.follows_calls() ? calls_.sip(bytes, frames) : 0;
    case kWebSocket:
      if (!filters.follows_calls()) return 0;
      unmasked_.resize(std::max(unmasked_.size(), bytes.size()));
      return calls_.sip(sip::websocket_payload(bytes, unmasked_), frames);
    case kTls:
      if (filters.any_tls()) filters.match_tls(bytes, matches_);
      break;
    case kHttp:
      if (filters.any_http()) filters.match_http(bytes, matches_);
      break;
    case kMail:
      if (filters.any_mail()) filters.match_mail(bytes, matches_);
      break;
    case kDnsStream:
      if (filters.any_dns() && bytes.size() > 2) filters.match_dns(bytes.subspan(2), matches_);
      break;
    default:
      break;
  }
  if (matches_.empty()) return 0;
  Want want;
  plan_->add(matches_, want);
  for (const FrameId frame : frames) forwarder_.want(frame, want);
  if (protocol != kDnsStream) connections_.follow(ends, want, now_ns_);
  return 0;
}

void Selector::repeated(FrameId frame, std::uint32_t answer) {
  calls_.repeated(frame, answer);
}

void Selector::segment(const packet::IpPacket& tcp, FrameId frame) {
  if (const Want* want = connections_.find(tcp, now_ns_)) forwarder_.want(frame, *want);
}

void Selector::expire(std::int64_t now_ns) {
  next_expiry_ns_ = now_ns + kExpiryNs;
  dissector_.expire(now_ns);
  calls_.expire(now_ns, wall_ns());
  connections_.expire(now_ns);
}

void Selector::finish() {
  constexpr std::int64_t kEndOfTime = std::numeric_limits<std::int64_t>::max();
  dissector_.expire(kEndOfTime);
  calls_.finish();
}

void Selector::publish_counts() {
  filtered_.store(frames_.dropped(), std::memory_order_relaxed);
  held_.store(frames_.held_frames(), std::memory_order_relaxed);
}

}  // namespace lc::calls
