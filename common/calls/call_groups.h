// Which calls (by Call-ID) are legs of one call through back-to-back user agents.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/inlined_vector.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/calls/call_table.h"
#include "common/sip/message.h"

namespace lc::calls {

/// Never used again.
using GroupId = std::uint64_t;
inline constexpr GroupId kNoGroup = 0;

/// Calls are in one group when a message of each has the same
/// - two tags, in either order, also behind the prefix that Oracle's session border controllers put before them;
/// - Session-ID: both UUIDs of RFC 7989, in either order, or the single value of RFC 7329;
/// - icid-value in P-Charging-Vector (RFC 7315);
/// - Call-ID, be it their own, without the suffixes of the settings, or that of X-CID or X-Call-ID.
/// - token of the caller's.
/// What says nothing joins nothing: empty values, and those of zeros alone. What more than kMostLegs calls have in
/// common is no call's: it joins none any more, and the groups that it made are parted. Memory is bounded by the calls.
/// One thread.
class CallGroups {
 public:
  static constexpr std::size_t kMostLegs = 16;
  static constexpr std::size_t kMostKeys = 8;  // of a call; the first ones count

  /// `call_id_suffixes`: what B2BUAs append to a Call-ID, such as `_b2b-1`; digits may follow, as behind `_b2b-`.
  explicit CallGroups(std::vector<std::string> call_id_suffixes = {}) : suffixes_(std::move(call_id_suffixes)) {}

  /// A message of that call, which may be new. Gives its group. Of groups that are joined the oldest remains.
  GroupId note(CallIndex call, const sip::Message& message, std::span<const std::uint64_t> tokens = {});
  /// The index may mean another call from now on. The other legs stay together. Unknown: nothing happens.
  void remove(CallIndex call);

  /// Groups that are no more, and new ones that were parted from another, by the last note().
  [[nodiscard]] std::span<const GroupId> merged() const { return merged_; }
  [[nodiscard]] std::span<const GroupId> parted() const { return parted_; }

  /// kNoGroup: the call is not known.
  [[nodiscard]] GroupId of(CallIndex call) const { return call < calls_.size() ? calls_[call].group : kNoGroup; }
  /// Empty: there is no such group. Valid until the next change.
  [[nodiscard]] std::span<const CallIndex> legs(GroupId group) const;

  [[nodiscard]] std::size_t groups() const { return groups_.size(); }
  [[nodiscard]] std::size_t keys() const { return keys_.size(); }

 private:
  using Key = std::uint64_t;  // a hash; two of the same mean the same
  using Legs = absl::InlinedVector<CallIndex, 2>;
  struct Member {
    GroupId group = kNoGroup;
    absl::InlinedVector<Key, 4> keys;
  };
  struct Holders {
    Legs calls;  // none once it is common
    std::uint32_t count = 0;
    bool is_common = false;  // more than kMostLegs had it; until nobody has it
  };

  void hold(CallIndex call, Key key);
  void unite(CallIndex one, CallIndex other);
  void part(GroupId group);
  [[nodiscard]] std::string_view trunk(std::string_view call_id) const;

  const std::vector<std::string> suffixes_;
  std::vector<Member> calls_;  // by CallIndex
  absl::flat_hash_map<GroupId, Legs> groups_;
  absl::flat_hash_map<Key, Holders> keys_;
  std::vector<GroupId> merged_;
  std::vector<GroupId> parted_;
  GroupId last_group_ = kNoGroup;
};

}  // namespace lc::calls
