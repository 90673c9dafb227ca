#include "common/calls/call_sorter.h"

#include <algorithm>
#include <limits>

#include "common/packet/tunnel.h"
#include "common/sip/message.h"

namespace lc::calls {
namespace {

constexpr std::uint8_t kUdp = 17;
constexpr std::size_t kWebSocket = 1;  // of the protocols below
constexpr std::int64_t kExpiryNs = 100'000'000;
constexpr std::size_t kMostHeldBytes = std::size_t{32} << 20;
constexpr std::size_t kMostHeldFrames = 200'000;

}  // namespace

CallSorter::CallSorter(Listener& listener, Purpose purpose)
    : listener_(listener),
      purpose_(purpose),
      frames_(purpose == Purpose::kWatch ? FrameStore::LetGo()
                                         : [this](const Origin& origin) { listener_.settled(origin.ticket); }),
      calls_(frames_, *this, this),
      dissector_({sip::stream_protocol(), sip::websocket_protocol()}, frames_, *this) {
  calls_.use(Plan::without_filters());
}

void CallSorter::look(const packet::PacketView& view, std::uint32_t link_type, std::uint32_t source,
                      std::uint32_t interface, std::int64_t now_ns, Ticket ticket, const Coming& coming) {
  if (source_of_.size() <= interface) source_of_.resize(interface + 1);
  source_of_[interface] = source;
  calls_.at(source, now_ns);
  if (!coming.is_plain || !look_shortly(view, coming.datagram, source, ticket)) {
    const FrameId frame = frames_.begin(view, {interface, link_type, ticket});
    dissector_.add(frame, link_type, now_ns);
    frames_.finish();
    if (frames_.held_bytes() > kMostHeldBytes || frames_.held_frames() > kMostHeldFrames) finish();
  }
  if (now_ns < next_expiry_ns_ && now_ns >= next_expiry_ns_ - 2 * kExpiryNs) return;
  next_expiry_ns_ = now_ns + kExpiryNs;
  dissector_.expire(now_ns);
  calls_.expire(now_ns, now_ns);
}

CallSorter::Coming CallSorter::coming(const packet::PacketView& frame, std::uint32_t link_type) const {
  Coming coming;
  coming.is_plain = read_plain(link_type, {frame.data, frame.captured}, coming.datagram);
  if (coming.is_plain) calls_.prefetch(coming.datagram);
  return coming;
}

void CallSorter::expect(const Coming& coming) {
  if (!coming.is_plain) return;
  const StreamMemo::Entry* const known = calls_.find(coming.datagram);
  if (known != nullptr && known->note < StreamMemo::kNothing) listener_.expect(known->note);
}

// The same as datagram() and media(), for a frame that needs no place in the store.
bool CallSorter::look_shortly(const packet::PacketView& frame, const PlainDatagram& datagram, std::uint32_t source,
                              Ticket ticket) {
  StreamMemo::Entry* const known = calls_.known(datagram);
  if (known == nullptr) return false;
  const bool sorts = purpose_ == Purpose::kSort;
  if (known->note != StreamMemo::kUnwanted) {
    if (sorts) listener_.belongs(ticket, known->call, Part::kMedia);
    const Context context{source, frame.timestamp_ns, datagram.from, datagram.to};
    known->note = listener_.media(known->call, datagram.payload, context, known->note);
  }
  calls_.heard(*known);
  if (sorts) listener_.settled(ticket);
  return true;
}

void CallSorter::sweep(std::span<const std::int64_t> now_ns, std::int64_t earliest_ns) {
  calls_.sweep_all(now_ns);
  dissector_.expire(earliest_ns);
}

void CallSorter::finish() {
  dissector_.expire(std::numeric_limits<std::int64_t>::max());
  calls_.finish();
}

void CallSorter::datagram(const packet::IpPacket& ip, FrameId frame) {
  packet::IpPacket udp;
  if (ip.protocol != kUdp) {
    if (packet::decode_quoted_udp(ip, udp)) calls_.undelivered(udp, frame);
    return;
  }
  if (!ip.has_ports) return;
  from_ = {unmapped(ip.source), ip.source_port};
  to_ = {unmapped(ip.destination), ip.destination_port};
  if (calls_.sip(ip.payload, {&frame, 1}) == 0) calls_.datagram(ip, frame);
}

std::uint32_t CallSorter::message(std::size_t protocol, const packet::StreamEnds& ends,
                                  std::span<const std::uint8_t> bytes, std::span<const FrameId> frames) {
  from_ = {unmapped(ends.source), ends.source_port};
  to_ = {unmapped(ends.destination), ends.destination_port};
  if (protocol != kWebSocket) return calls_.sip(bytes, frames);
  unmasked_.resize(std::max(unmasked_.size(), bytes.size()));
  return calls_.sip(sip::websocket_payload(bytes, unmasked_), frames);
}

void CallSorter::mark_all(FrameId frame, const Want& want, Part part) {
  for_each_call(want, [&](CallIndex call) { mark(frame, call, part); });
}

void CallSorter::mark(FrameId frame, CallIndex call, Part part) {
  if (purpose_ == Purpose::kWatch) return;
  for (const FrameId fragment : frames_.bundled(frame)) mark(fragment, call, part);
  listener_.belongs(frames_.origin(frame).ticket, call, part);
}

CallSorter::Context CallSorter::context_of(FrameId frame) const {
  return {source_of_[frames_.origin(frame).interface], frames_.view(frame).timestamp_ns, from_, to_};
}

bool CallSorter::signalling(CallIndex call, const sip::Message& message, const sip::Sdp* sdp, FrameId frame) {
  return listener_.signalling(calls_.table().at(call), call, message, sdp, context_of(frame));
}

StreamMemo::Note CallSorter::media(CallIndex call, const packet::IpPacket& udp, FrameId frame, StreamMemo::Note note) {
  mark(frame, call, Part::kMedia);
  from_ = {unmapped(udp.source), udp.source_port};
  to_ = {unmapped(udp.destination), udp.destination_port};
  return listener_.media(call, udp.payload, context_of(frame), note);
}

}  // namespace lc::calls
