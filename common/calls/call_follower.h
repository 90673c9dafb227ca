// Who belongs to a wanted call: its signalling, its media, and what of both came before it was known to be wanted.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/calls/call_table.h"
#include "common/calls/forwarder.h"
#include "common/calls/holding_ring.h"
#include "common/calls/plain_datagram.h"
#include "common/calls/stream_memo.h"
#include "common/calls/want.h"
#include "common/sip/message.h"
#include "common/sip/rtp.h"
#include "common/sip/sdp.h"

namespace lc::calls {

/// For who follows every call, not only those that filters want. The follower's thread.
class CallObserver {
 public:
  virtual ~CallObserver() = default;
  /// A message, and what the table has made of it. Whether the call's frames are wanted from now on.
  virtual bool signalling(CallIndex call, const sip::Message& message, const sip::Sdp* sdp, FrameId frame) = 0;
  /// A datagram of a wanted call's media, in the order of arrival; the judge is not told of it. Those that came before
  /// their call was wanted are only the judge's. `note` is what this said of the stream's packet before, or
  /// StreamMemo::kNothing; it may have been another stream of the same call.
  virtual StreamMemo::Note media(CallIndex call, const packet::IpPacket& udp, FrameId frame, StreamMemo::Note note) = 0;
  /// The index may be another call's after this.
  virtual void removed(CallIndex call) = 0;
  /// Whether frames are kept for a call that may claim them later.
  [[nodiscard]] virtual bool waits() const = 0;

  /// A wanted call's only want.
  static Want want_of(CallIndex call);
  /// The calls of a want that is made of these.
  static void for_each_call(const Want& want, const std::function<void(CallIndex)>& visit);
};

/// One thread.
class CallFollower final : private CallTable::Listener {
 public:
  /// With an observer calls are wanted as that one says, and not by filters.
  CallFollower(FrameStore& frames, Judge& judge, CallObserver* observer = nullptr);

  /// Which filters are in force from now on. Calls stay wanted by the filters that are still there and mean the same;
  /// calls in progress become wanted by the new ones as far as their identities tell.
  void use(const std::shared_ptr<const Plan>& plan);
  /// Media of calls that other nodes follow.
  void change_endpoints(std::span<const fleet::Filter> added, std::span<const std::string> removed, bool anew);
  [[nodiscard]] bool has_endpoints() const { return !announced_.empty(); }

  /// Whose packets come now, and their time.
  void at(std::uint32_t source, std::int64_t now_ns) {
    source_ = source;
    now_ns_ = now_ns;
  }

  /// A SIP message that these frames carry. The answer is for repeated(); 0: it was none.
  std::uint32_t sip(std::span<const std::uint8_t> bytes, std::span<const FrameId> frames);
  /// The frame repeats a message of which sip() gave this answer.
  void repeated(FrameId frame, std::uint32_t answer);
  /// The short way for a datagram of a stream that was decided before. Null: sip() or datagram() decides. Otherwise the
  /// entry is as true of it as of the packet before; what follows from that is left to the caller, and heard() is to be
  /// called. Valid until the next call that is not known() or heard().
  StreamMemo::Entry* known(const PlainDatagram& datagram) {
    if (!may_be_rtp(datagram.payload)) return nullptr;  // it may be SIP
    StreamMemo::Entry* const entry = memo_.find(datagram.hash, datagram.from, datagram.to);
    return entry != nullptr && holds(*entry, datagram.payload) ? entry : nullptr;
  }
  void heard(StreamMemo::Entry& known) {
    const auto now = static_cast<std::uint32_t>(now_ns_ >> 30);
    if (known.touched == now) return;
    known.touched = now;
    table_.touch(known.call, source_, now_ns_);
  }
  /// By whom a stream's packets are wanted; without an observer.
  [[nodiscard]] const Want& want_of(const StreamMemo::Entry& known) const { return memo_.want(known.note); }
  /// The stream of a datagram that comes soon, if there is an entry; it may not hold any more.
  [[nodiscard]] const StreamMemo::Entry* find(const PlainDatagram& datagram) {
    return memo_.find(datagram.hash, datagram.from, datagram.to);
  }
  /// That is asked for soon.
  void prefetch(const PlainDatagram& datagram) const { memo_.prefetch(datagram.hash); }
  /// A UDP datagram that is not SIP.
  void datagram(const packet::IpPacket& udp, FrameId frame);
  /// An ICMP error about one.
  void undelivered(const packet::IpPacket& udp, FrameId frame);

  /// `wall_ns`: for what was announced with an end.
  void expire(std::int64_t now_ns, std::int64_t wall_ns);
  [[nodiscard]] const CallTable& table() const { return table_; }
  /// As CallTable::sweep_all().
  void sweep_all(std::span<const std::int64_t> now_ns) { table_.sweep_all(now_ns); }
  /// Lets go of all frames.
  void finish() { ring_.clear(); }

 private:
  struct StreamKey {
    packet::IpAddress source, destination;
    std::uint32_t ssrc = 0;
    bool operator==(const StreamKey&) const = default;
    template <typename H>
    friend H AbslHashValue(H state, const StreamKey& key) {
      const auto from = key.source.bytes();
      const auto to = key.destination.bytes();
      state = H::combine_contiguous(std::move(state), from.data(), from.size());
      return H::combine(H::combine_contiguous(std::move(state), to.data(), to.size()), key.ssrc);
    }
  };
  struct Stream {
    StreamKey key;
    std::uint16_t next_sequence = 0;
    int in_order = 0;
  };
  /// A call's side of the filters.
  struct Following {
    Want want;
    std::string who;                         // the identities of its first message, for filters that come later
    std::vector<HoldingRing::Place> before;  // signalling that waits
    std::deque<HoldingRing::Place> media;    // that waits
    std::vector<Stream> streams;             // of its media
  };
  struct Announced {
    Endpoint endpoint;
    Want want;
    std::int64_t expires_at_ns = 0;  // wall clock; 0: never
  };
  struct AnnouncedMedia {
    std::vector<std::string> ids;  // of announced_
    Want want;                     // of all of them
  };
  /// RTP that no call claims, while it is being found out whether it is RTP, or whether a call comes.
  struct Candidate {
    std::uint16_t next_sequence = 0;
    int in_order = 0;
    Want want;
    std::int64_t since_ns = 0;
    std::int64_t last_ns = 0;
  };

  /// Whether frames wait for a call that is wanted.
  [[nodiscard]] bool waits() const {
    return observer_ != nullptr ? observer_->waits() : plan_->filters->follows_calls();
  }
  Following& following(CallIndex call);
  void observe(CallIndex call, const sip::Message& message, const sip::Sdp* sdp, FrameId frame);
  void note_identities(Following& following, const sip::Message& message);
  void match_again(CallIndex call);
  void withdraw(const std::string& id);
  void gather(const Endpoint& endpoint);
  void renew_at(const Endpoint& endpoint);
  [[nodiscard]] bool is_own(CallIndex call, const Endpoint& endpoint, const Endpoint& other) const;
  bool follow(CallIndex call, const filter::Matches& matches);
  void release_held(CallIndex call);
  void release_held(const Endpoint& endpoint, const Want& want);
  void forward_taken(std::vector<FrameId>& taken, const Want& want, std::size_t media_from);
  enum class Claim { kNobody, kUnwanted, kWanted };
  static bool may_be_rtp(std::span<const std::uint8_t> payload) {
    constexpr std::size_t kHeader = 12;
    return payload.size() >= kHeader && payload[0] >> 6 == 2;
  }
  [[nodiscard]] bool holds(const StreamMemo::Entry& known, std::span<const std::uint8_t> payload) const {
    if (table_.version(known.call) != known.version) return false;
    return known.note == StreamMemo::kUnwanted || (may_be_rtp(payload) && sip::ssrc_of(payload) == known.ssrc);
  }
  bool remembered(const packet::IpPacket& udp, const Endpoint& from, const Endpoint& to, FrameId frame);
  void remember(CallIndex call, const Endpoint& from, const Endpoint& to, const sip::Rtp* stream);
  void give_media(CallIndex call, const packet::IpPacket& udp, FrameId frame);
  Claim claimed_media(const packet::IpPacket& udp, const Endpoint& from, const Endpoint& to, FrameId frame);
  void wait_with(CallIndex call, HoldingRing::Place place);
  void unclaimed_media(const packet::IpPacket& udp, const Endpoint& from, const Endpoint& to, FrameId frame);
  bool is_nobodys(const StreamKey& stream);
  bool note_stream(CallIndex call, const packet::IpPacket& udp, const sip::Rtp& rtp);

  void media_claimed(CallIndex call, const Endpoint& endpoint) override;
  void media_withdrawn(CallIndex, const Endpoint&) override {}
  void call_removed(CallIndex call) override;

  FrameStore& frames_;
  Judge& judge_;
  CallObserver* const observer_;
  std::shared_ptr<const Plan> plan_;
  CallTable table_;
  HoldingRing ring_;
  std::vector<Following> following_;  // by CallIndex
  absl::flat_hash_map<std::string, Announced> announced_;
  absl::flat_hash_map<Endpoint, AnnouncedMedia, EndpointHash> announced_media_;
  absl::flat_hash_map<StreamKey, CallIndex> streams_;
  StreamMemo memo_;
  absl::flat_hash_map<StreamKey, Candidate> candidates_;
  filter::Matches matches_;
  sip::Message message_;  // large: not made anew for each message
  sip::Sdp sdp_;
  std::vector<FrameId> taken_;
  std::int64_t next_announced_look_ns_ = 0;
  bool eviction_is_told_ = false;
  std::uint32_t source_ = 0;
  std::int64_t now_ns_ = 0;
};

}  // namespace lc::calls
