// Each stream is in one of three lists, each in order of last use: `holding` (frames are kept), `idle` (none), and
// `ended` (by FIN or RST; it stays for a moment, so that a repetition of its last segment is known as one).
#include "common/packet/tcp_streams.h"

#include <algorithm>
#include <bit>
#include <list>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "common/packet/address_hash.h"
#include "common/packet/packet_time.h"
#include "common/packet/tcp_stream.h"

namespace lc::packet {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kGapAge = kSecond;
constexpr std::int64_t kSilence = 600 * kSecond;
constexpr std::int64_t kEndedAge = 5 * kSecond;

// RFC 9293 section 3.1.
enum Flag : std::uint16_t { kFin = 1, kSyn = 2, kRst = 4 };

struct EndsHash {
  AddressHash hash;
  /// Of a packet or a stream's ends.
  std::size_t operator()(const auto& ends) const {
    return hash(ends.source, ends.destination, std::uint64_t{ends.source_port} << 16 | ends.destination_port);
  }
};

struct Entry;
using Entries = std::list<Entry>;

struct Entry {
  Entry(TcpStream wanted_stream, Entries* wanted_list) : stream(std::move(wanted_stream)), list(wanted_list) {}

  TcpStream stream;
  Entries* list;            // that it is in
  Entries::iterator place;  // its own
  std::int64_t used_ns = 0;
  std::size_t cost = 0;                        // as counted in State::bytes
  std::optional<std::int64_t> waits_since_ns;  // as in State::waiting
};

bool is_overdue(const Entry& entry, std::int64_t now_ns) {
  const std::optional<std::int64_t> waits_since_ns = entry.stream.waits_since_ns();
  return waits_since_ns && is_older(*waits_since_ns, now_ns, kGapAge);
}

}  // namespace

struct TcpStreams::State {
  using Place = Entries::iterator;
  using Places = std::unordered_map<StreamEnds, Place, EndsHash>;

  State(std::vector<StreamProtocol> protocols, Limits wanted_limits, Sink& sink)
      : limits(wanted_limits), context(std::move(protocols), sink) {
    limits.streams = std::max<std::size_t>(limits.streams, 1);
    streams_at.resize(std::bit_ceil(2 * limits.streams));
  }

  bool add(const IpPacket& ip, FrameId frame, std::int64_t now_ns);
  void expire(std::int64_t now_ns);

  template <typename Ends>
  std::uint32_t& count_at(const Ends& ends) {
    return streams_at[hash(ends) & (streams_at.size() - 1)];
  }
  bool is_of_another_connection(const TcpStream& stream, const TcpSegment& segment, std::uint16_t flags) const;
  Places::iterator create(const StreamEnds& ends, std::uint32_t first_sequence, std::size_t protocol);
  void keep_within_bounds(TcpStream& stream) const;
  void put(Place place, std::int64_t used_ns);
  void remove(Place place);
  Place least_used();

  Limits limits;
  StreamContext context;
  Entries holding;
  Entries idle;
  Entries ended;
  EndsHash hash;
  Places places{0, hash};
  std::vector<std::uint32_t> streams_at;  // how many by hash: most segments are of none, and need not search `places`
  std::set<std::pair<std::int64_t, Entry*>> waiting;  // for a gap to be filled, since when
  std::size_t bytes = 0;                              // the costs of all
};

bool TcpStreams::State::add(const IpPacket& ip, FrameId frame, std::int64_t now_ns) {
  const std::uint16_t flags = ip.tcp.flags & (kFin | kSyn | kRst);
  if (ip.payload.empty() && flags == 0) return false;
  if ((places.empty() || count_at(ip) == 0) && !context.recognise(ip.payload)) return false;

  const StreamEnds ends{ip.source, ip.destination, ip.source_port, ip.destination_port};
  const TcpSegment segment{.sequence = ip.tcp.sequence + ((flags & kSyn) != 0 ? 1U : 0U),
                           .bytes = ip.payload,
                           .frame = frame,
                           .at_ns = now_ns,
                           .is_last = (flags & kFin) != 0};
  auto found = places.find(ends);
  if (found != places.end() && is_of_another_connection(found->second->stream, segment, flags)) {
    remove(found->second);
    found = places.end();
  }
  if ((flags & kRst) != 0) {
    if (found != places.end()) {
      found->second->stream.end();
      put(found->second, now_ns);
    }
    return false;
  }
  if (found == places.end()) {
    const std::optional<std::size_t> protocol = context.recognise(segment.bytes);
    if (!protocol) return false;
    found = create(ends, segment.sequence, *protocol);
  }

  const Place place = found->second;
  context.begin(frame);
  while (is_overdue(*place, now_ns)) place->stream.skip_gap();
  place->stream.add(segment);
  keep_within_bounds(place->stream);
  put(place, now_ns);
  while (bytes > limits.bytes && !holding.empty()) {
    holding.front().stream.give_up();
    put(holding.begin(), holding.front().used_ns);
  }
  return context.end();
}

void TcpStreams::State::expire(std::int64_t now_ns) {
  while (!waiting.empty() && is_older(waiting.begin()->first, now_ns, kGapAge)) {
    const Place place = waiting.begin()->second->place;
    while (is_overdue(*place, now_ns)) place->stream.skip_gap();
    put(place, place->used_ns);
  }
  const auto remove_older = [&](Entries& entries, std::int64_t limit_ns) {
    while (!entries.empty() && is_older(entries.front().used_ns, now_ns, limit_ns)) remove(entries.begin());
  };
  remove_older(ended, kEndedAge);
  remove_older(holding, kSilence);
  remove_older(idle, kSilence);
}

/// A SYN that is no copy of the stream's own, or bytes further back than any retransmission.
bool TcpStreams::State::is_of_another_connection(const TcpStream& stream, const TcpSegment& segment,
                                                 std::uint16_t flags) const {
  if ((flags & kSyn) != 0) return segment.sequence != stream.first_sequence();
  if (stream.is_lost()) return false;
  const std::int64_t back = sequence_distance(segment.end(), stream.next_sequence());
  return back > static_cast<std::int64_t>(limits.stream_bytes) && context.recognise(segment.bytes).has_value();
}

TcpStreams::State::Places::iterator TcpStreams::State::create(const StreamEnds& ends, std::uint32_t first_sequence,
                                                              std::size_t protocol) {
  while (places.size() >= limits.streams) remove(least_used());
  const Place place = idle.emplace(idle.end(), TcpStream(ends, first_sequence, protocol, context), &idle);
  place->place = place;
  ++count_at(ends);
  return places.emplace(ends, place).first;
}

/// A gap that is wider than what may be kept of a stream cannot be filled in time.
void TcpStreams::State::keep_within_bounds(TcpStream& stream) const {
  while (stream.reach() > limits.stream_bytes) stream.skip_gap();
  while (stream.cost() > limits.stream_bytes) {
    if (stream.waits_since_ns()) {
      stream.skip_gap();
    } else {
      stream.give_up();
    }
  }
}

/// Everything that is known about the entry besides its stream follows the stream.
void TcpStreams::State::put(Place place, std::int64_t used_ns) {
  Entry& entry = *place;
  bytes -= entry.cost;
  entry.cost = entry.stream.cost();
  bytes += entry.cost;

  const std::optional<std::int64_t> waits_since_ns = entry.stream.waits_since_ns();
  if (waits_since_ns != entry.waits_since_ns) {
    if (entry.waits_since_ns) waiting.erase({*entry.waits_since_ns, &entry});
    if (waits_since_ns) waiting.emplace(*waits_since_ns, &entry);
    entry.waits_since_ns = waits_since_ns;
  }

  Entries& list = entry.stream.is_ended() ? ended : entry.cost != 0 ? holding : idle;
  list.splice(list.end(), *entry.list, place);
  entry.list = &list;
  entry.used_ns = used_ns;
}

void TcpStreams::State::remove(Place place) {
  place->stream.give_up();
  put(place, place->used_ns);
  --count_at(place->stream.ends());
  places.erase(place->stream.ends());
  place->list->erase(place);
}

TcpStreams::State::Place TcpStreams::State::least_used() {
  if (!ended.empty()) return ended.begin();
  if (holding.empty()) return idle.begin();
  if (idle.empty()) return holding.begin();
  return idle.front().used_ns <= holding.front().used_ns ? idle.begin() : holding.begin();
}

TcpStreams::TcpStreams(std::vector<StreamProtocol> protocols, Limits limits, Sink& sink)
    : state_(std::make_unique<State>(std::move(protocols), limits, sink)) {}

TcpStreams::~TcpStreams() = default;

bool TcpStreams::add(const IpPacket& segment, FrameId frame, std::int64_t now_ns) {
  return state_->add(segment, frame, now_ns);
}

void TcpStreams::expire(std::int64_t now_ns) {
  state_->expire(now_ns);
}

}  // namespace lc::packet
