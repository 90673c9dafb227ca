// Order: `pending` is in order of each datagram's first fragment; `places` finds in it. What the overlapping fragments
// of an attacker would look like at their target is not knowable here: what came first stays.
#include "common/packet/reassembly.h"

#include <algorithm>
#include <list>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/packet/address_hash.h"
#include "common/packet/decode_ip.h"
#include "common/packet/packet_time.h"

namespace lc::packet {
namespace {

constexpr std::size_t kMaxDatagramBytes = 65'535;  // IPv6's jumbograms are never fragmented (RFC 2675 section 3)

/// RFC 791: addresses, protocol and id; RFC 8200 section 4.5: addresses and id (protocol is 0 here).
struct Key {
  IpAddress source;
  IpAddress destination;
  std::uint32_t id = 0;
  std::uint8_t protocol = 0;
  std::uint32_t place = 0;

  Key(const IpPacket& fragment, std::uint32_t captured_at)
      : source(fragment.source),
        destination(fragment.destination),
        id(fragment.fragment_id),
        protocol(fragment.version == 4 ? fragment.protocol : std::uint8_t{0}),
        place(captured_at) {}
  bool operator==(const Key&) const = default;
};

struct KeyHash {
  AddressHash hash;
  std::size_t operator()(const Key& key) const {
    return hash(key.source, key.destination,
                (std::uint64_t{key.place} << 40) ^ (std::uint64_t{key.id} << 8 | key.protocol));
  }
};

/// A datagram that has gaps.
class Pending {
 public:
  Pending(const IpPacket& fragment, std::uint32_t place, std::int64_t now_ns)
      : key_(fragment, place), version_(fragment.version), protocol_(fragment.protocol), since_ns_(now_ns) {}

  void add(const IpPacket& fragment, FrameId frame) {
    frames_.push_back(frame);
    const FragmentPart part = fragment_part(fragment);
    if (part.sent == 0) return;
    const std::size_t begin = fragment.fragment_offset;
    const std::size_t end = begin + part.sent;
    if (end > kMaxDatagramBytes) return;
    if (begin == 0) protocol_ = part.next_header;
    if (!fragment.more_fragments && !size_ && end >= reach_) size_ = end;
    reach_ = std::max(reach_, end);

    const std::size_t captured_end = std::min(begin + part.bytes.size(), size_.value_or(kMaxDatagramBytes));
    if (captured_end > begin) fill(begin, part.bytes.first(captured_end - begin));
  }

  [[nodiscard]] bool is_whole() const { return size_ && bytes_.size() == *size_; }
  [[nodiscard]] const Key& key() const { return key_; }
  [[nodiscard]] std::int64_t since_ns() const { return since_ns_; }
  [[nodiscard]] std::size_t cost() const {
    return sizeof(Pending) + bytes_.size() + pieces_.size() * sizeof(Piece) + frames_.size() * sizeof(FrameId);
  }

  /// What there is, up to the first gap, goes into `joined`, and the result refers to that and to this.
  [[nodiscard]] Reassembler::Datagram read(std::vector<std::uint8_t>& joined) const {
    joined.clear();
    for (const Piece& piece : pieces_) {
      if (piece.begin != joined.size()) break;
      const auto from = bytes_.begin() + static_cast<std::ptrdiff_t>(piece.at);
      joined.insert(joined.end(), from, from + static_cast<std::ptrdiff_t>(piece.end - piece.begin));
    }
    Reassembler::Datagram datagram;
    datagram.ip.version = version_;
    datagram.ip.protocol = protocol_;
    datagram.ip.source = key_.source;
    datagram.ip.destination = key_.destination;
    datagram.ip.fragment_id = key_.id;
    datagram.end = decode_transport(joined, size_.value_or(kMaxDatagramBytes), datagram.ip);
    datagram.whole = is_whole();
    datagram.frames = frames_;
    return datagram;
  }

 private:
  /// Bytes of the datagram that are at `at` in bytes_.
  struct Piece {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::size_t at = 0;
  };

  /// Takes of `bytes`, which belong at `begin`, what is not there yet.
  void fill(std::size_t begin, std::span<const std::uint8_t> bytes) {
    const std::size_t end = begin + bytes.size();
    auto next = std::partition_point(pieces_.begin(), pieces_.end(), [&](const Piece& p) { return p.end <= begin; });
    for (std::size_t at = begin; at < end;) {
      const std::size_t gap_end = next == pieces_.end() ? end : std::min(end, next->begin);
      if (at < gap_end) {
        next = std::next(pieces_.insert(next, {at, gap_end, bytes_.size()}));
        const auto missing = bytes.subspan(at - begin, gap_end - at);
        bytes_.insert(bytes_.end(), missing.begin(), missing.end());
      }
      at = next == pieces_.end() ? end : (next++)->end;
    }
  }

  Key key_;
  std::uint8_t version_;
  std::uint8_t protocol_;
  std::int64_t since_ns_;
  std::vector<std::uint8_t> bytes_;  // in order of arrival, none twice
  std::vector<Piece> pieces_;        // by place, none overlapping
  std::vector<FrameId> frames_;
  std::optional<std::size_t> size_;
  std::size_t reach_ = 0;  // of the fragment that goes furthest
};

}  // namespace

struct Reassembler::State {
  State(Limits wanted_limits, GivenUp wanted_given_up) : limits(wanted_limits), given_up(std::move(wanted_given_up)) {}

  /// Out of `pending`, and alive until the next call.
  Datagram& take_out(std::list<Pending>::iterator place) {
    bytes -= place->cost();
    places.erase(place->key());
    finished.clear();
    finished.splice(finished.begin(), pending, place);
    result = finished.front().read(joined);
    return result;
  }

  void give_up_oldest() { given_up(take_out(pending.begin())); }

  Limits limits;
  GivenUp given_up;
  std::list<Pending> pending;
  std::unordered_map<Key, std::list<Pending>::iterator, KeyHash> places;
  std::size_t bytes = 0;        // the costs of all pending
  std::list<Pending> finished;  // what `result` refers to
  std::vector<std::uint8_t> joined;
  Datagram result;
};

Reassembler::Reassembler(Limits limits, GivenUp given_up)
    : state_(std::make_unique<State>(limits, std::move(given_up))) {}

Reassembler::~Reassembler() = default;

const Reassembler::Datagram* Reassembler::add(const IpPacket& fragment, FrameId frame, std::int64_t now_ns,
                                              std::uint32_t place) {
  State& state = *state_;
  expire(now_ns);  // an id comes again: the fragments of two datagrams must not meet

  const auto [found, is_new] = state.places.try_emplace(Key(fragment, place));
  if (is_new) {
    found->second = state.pending.emplace(state.pending.end(), fragment, place, now_ns);
  } else {
    state.bytes -= found->second->cost();
  }
  Pending& datagram = *found->second;
  datagram.add(fragment, frame);
  state.bytes += datagram.cost();
  if (datagram.is_whole()) return &state.take_out(found->second);

  while (state.bytes > state.limits.bytes || state.pending.size() > state.limits.datagrams) state.give_up_oldest();
  return nullptr;
}

void Reassembler::expire(std::int64_t now_ns) {
  State& state = *state_;
  while (!state.pending.empty() && is_older(state.pending.front().since_ns(), now_ns, state.limits.age_ns)) {
    state.give_up_oldest();
  }
}

}  // namespace lc::packet
