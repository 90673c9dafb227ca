// The calls that are known, by Call-ID, and the addresses at which their media is expected.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/inlined_vector.h>
#include <absl/strings/string_view.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/calls/endpoint.h"
#include "common/sip/message.h"
#include "common/sip/sdp.h"

namespace lc::calls {

using CallIndex = std::uint32_t;
inline constexpr CallIndex kNoCall = 0xffff'ffff;

enum class CallState : std::uint8_t { kOther, kTrying, kRinging, kActive, kEnded, kFailed, kCancelled };

/// An address at which a call expects media.
struct CallMedia {
  Endpoint endpoint = {};
  // Who announced it last (a hash of speaker and session; 0: not known, or packets showed it), and in which version.
  std::uint32_t session = 0;
  std::uint64_t version = 0;
  std::int64_t left_ns = 0;  // a later version, put into force then, does not have it any more; 0: it is in force
};

/// A call, or another dialog or transaction with a Call-ID (REGISTER, MESSAGE: kOther).
struct Call {
  std::string id;
  CallState state = CallState::kOther;
  std::uint32_t source = 0;   // whose packets' times it goes by
  std::int64_t last_ns = 0;   // last message or media
  std::int64_t ended_ns = 0;  // 0: it goes on
  std::vector<CallMedia> media;
  std::int64_t left_ns = 0;  // since when some of it is left; 0: none is
  // The last request that announced media: whose it is (hash of the tag), its CSeq, and the sessions that it named on
  // its way.
  struct Offer {
    std::uint64_t from = 0;
    std::uint32_t cseq = 0;
    absl::InlinedVector<std::uint32_t, 2> sessions;
  } offered;
  bool keeps_media = false;  // its offers do not say plainly what it has left: forked, refused, versions that fall
  bool transfers = false;    // what becomes of a REFER is still to be told, maybe behind the BYE (RFC 3515)

  // What is established, by hashes of both tags: several dialogs when the call forks, or when something on the way has
  // tags of its own; the highest CSeq of an INVITE.
  absl::InlinedVector<std::uint64_t, 2> established;
  absl::InlinedVector<std::uint64_t, 2> left;  // the same, of those that had their BYE
  std::uint64_t first_dialog = 0;              // that an answer named; another one: the call forks
  std::uint32_t invite_cseq = 0;
  // Transactions of that INVITE, all and those without a final answer: a hash of the branch and, in the lowest byte,
  // the number of Vias.
  absl::InlinedVector<std::uint64_t, 2> tried;
  absl::InlinedVector<std::uint64_t, 2> trying;
};

/// Whether the Call-ID is a call's, as far as this message says: its state does, or the method is one that only calls
/// have (RFC 3261, 3262, 3311), so that a call which is met in its middle is one too.
bool is_call(const Call& call, const sip::Message& message);

/// Calls end by BYE, by CANCEL or a final failure, or by five minutes without a message or media; never by age. An
/// ended call keeps its media for five seconds, and is known for half a minute, so that late and repeated messages
/// belong to it. An address that the call has left by a new offer and its answer (RFC 3264 section 8) is kept for five
/// seconds too, or to the call's end where it is not plain what was left. When the table is full, the call that was
/// idle for longest (of some that are looked at) makes room. One thread.
class CallTable {
 public:
  struct Limits {
    std::size_t calls = 50'000;
    std::size_t media_per_call = 64;
    std::int64_t idle_ns = 300'000'000'000;
    std::int64_t grace_ns = 5'000'000'000;
    std::int64_t forget_ns = 32'000'000'000;
  };

  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void media_claimed(CallIndex call, const Endpoint& endpoint) = 0;
    virtual void media_withdrawn(CallIndex call, const Endpoint& endpoint) = 0;
    /// Its media was withdrawn before.
    virtual void call_removed(CallIndex call) = 0;
  };

  CallTable(Limits limits, Listener& listener) : limits_(limits), listener_(listener) {}

  /// The call of a message, known or new, after what the message says of its state and media. `sdp` may be null.
  /// `source` and `now_ns`: which packets' time it is.
  CallIndex note(const sip::Message& message, const sip::Sdp* sdp, std::uint32_t source, std::int64_t now_ns);

  /// An address that signalling did not name, but packets showed. A call that announces it later has it alone.
  void learn(CallIndex call, const Endpoint& endpoint);

  [[nodiscard]] bool is_learned(const Endpoint& endpoint) const {
    const auto found = claims_.find(endpoint);
    return found != claims_.end() && found->second.learned;
  }

  void touch(CallIndex call, std::uint32_t source, std::int64_t now_ns) {
    calls_[call].source = source;
    calls_[call].last_ns = now_ns;
  }

  /// A number of its own, and a new one whenever the call's state, its media, or who shares them may have changed.
  [[nodiscard]] std::uint64_t version(CallIndex call) const { return versions_[call]; }
  /// Gives the call a new version.
  void renew(CallIndex call) { versions_[call] = ++last_version_; }

  [[nodiscard]] CallIndex find(std::string_view call_id) const;
  [[nodiscard]] const Call& at(CallIndex call) const { return calls_[call]; }
  /// Those who expect media there; several when calls share a stream. Valid until the next change.
  [[nodiscard]] std::span<const CallIndex> at_endpoint(const Endpoint& endpoint) const;

  /// Ends what is over by `source`'s time; looks at `most` calls.
  void sweep(std::uint32_t source, std::int64_t now_ns, std::size_t most);
  /// The same for all calls, with the time of each source; 0: not known.
  void sweep_all(std::span<const std::int64_t> now_ns);

  [[nodiscard]] std::size_t size() const { return by_id_.size(); }
  [[nodiscard]] std::size_t endpoints() const { return claims_.size(); }
  [[nodiscard]] std::uint64_t evicted() const { return evicted_; }
  /// Indices are below this.
  [[nodiscard]] std::size_t capacity() const { return calls_.size(); }
  [[nodiscard]] bool in_use(CallIndex call) const { return !calls_[call].id.empty(); }

 private:
  struct Claim {
    absl::InlinedVector<CallIndex, 2> calls;
    bool learned = false;
  };

  CallIndex add(absl::string_view call_id, std::uint32_t source, std::int64_t now_ns);
  void note_state(Call& call, const sip::Message& message, std::int64_t now_ns);
  void note_session(CallIndex index, const sip::Message& message, const sip::Sdp* sdp, std::int64_t now_ns);
  void note_media(CallIndex index, const sip::Sdp& sdp, CallMedia announced);
  void claim(CallIndex index, const CallMedia& media, bool learned);
  void withdraw_left(CallIndex index, std::int64_t now_ns);
  void withdraw_media(CallIndex index);
  void drop_claim(CallIndex index, const Endpoint& endpoint);
  void remove(CallIndex index);
  void make_room();
  void judge(CallIndex index, std::int64_t now_ns);

  const Limits limits_;
  Listener& listener_;
  std::vector<Call> calls_;
  std::vector<std::uint64_t> versions_;  // by CallIndex; not in Call, as each packet of media looks at its call's
  std::vector<CallIndex> free_;
  absl::flat_hash_map<std::string, CallIndex> by_id_;
  absl::flat_hash_map<Endpoint, Claim, EndpointHash> claims_;
  CallIndex hand_ = 0;  // of the sweep
  std::uint64_t last_version_ = 0;
  std::uint64_t evicted_ = 0;
};

}  // namespace lc::calls
