// Each call holds the keys that its messages named; who holds the same key is in the same group, so the order of
// messages makes no difference. A key's holders are at most kMostLegs, and so are a group's legs.
#include "common/calls/call_groups.h"

#include <absl/hash/hash.h>

#include <algorithm>
#include <utility>

#include "common/sip/text.h"

namespace lc::calls {
namespace {

enum class Rule : std::uint8_t { kTags, kSessionId, kIcid, kCallId, kToken };

// A nil UUID (RFC 7989 section 5), a lone 0.
bool says_nothing(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) { return c == '0' || c == '-'; });
}

std::uint64_t key_of(Rule rule, std::string_view one, std::string_view other = {}) {
  if (other < one) std::swap(one, other);
  return absl::HashOf(rule, one, other);
}

// SDxxxxxxx- before what the other side chose.
std::string_view without_prefix(std::string_view tag) {
  constexpr std::size_t kPrefix = 10;
  return tag.size() > kPrefix && tag.starts_with("SD") && tag[kPrefix - 1] == '-' ? tag.substr(kPrefix) : tag;
}

}  // namespace

GroupId CallGroups::note(CallIndex call, const sip::Message& message, std::span<const std::uint64_t> tokens) {
  merged_.clear();
  parted_.clear();
  if (call >= calls_.size()) calls_.resize(std::size_t{call} + 1);
  const bool is_new = calls_[call].group == kNoGroup;
  if (is_new) {
    calls_[call].group = ++last_group_;
    groups_[last_group_].push_back(call);
  }
  const GroupId first = calls_[call].group;
  for (const std::string_view id : {message.call_id, message.other_call_id}) {
    if (!says_nothing(id)) hold(call, key_of(Rule::kCallId, trunk(id)));
  }
  const std::string_view from = without_prefix(message.from_tag);
  const std::string_view to = without_prefix(message.to_tag);
  if (!says_nothing(from) && !says_nothing(to)) hold(call, key_of(Rule::kTags, from, to));
  if (!message.session_id.empty()) {
    std::string_view parameters = message.session_id;
    const std::string_view local = sip::trim(sip::take_until(parameters, ';'));
    const std::string_view remote = sip::parameter(parameters, "remote");
    const bool is_pair = !remote.empty();
    if (!says_nothing(local) && !(is_pair && says_nothing(remote))) hold(call, key_of(Rule::kSessionId, local, remote));
  }
  if (!message.charging_vector.empty()) {
    const std::string_view icid = sip::parameter(message.charging_vector, "icid-value");
    if (!says_nothing(icid)) hold(call, key_of(Rule::kIcid, icid));
  }
  for (const std::uint64_t token : tokens) hold(call, absl::HashOf(Rule::kToken, token));
  if (is_new) std::erase(merged_, first);  // nobody was told of it
  return calls_[call].group;
}

void CallGroups::hold(CallIndex call, Key key) {
  auto& mine = calls_[call].keys;
  if (mine.size() == kMostKeys || std::find(mine.begin(), mine.end(), key) != mine.end()) return;
  mine.push_back(key);
  Holders& holders = keys_[key];
  ++holders.count;
  if (holders.is_common) return;
  if (holders.count > kMostLegs) {
    holders.is_common = true;
    const Legs calls = holders.calls;
    holders.calls.clear();
    for (const CallIndex other : calls) part(calls_[other].group);
    return;
  }
  holders.calls.push_back(call);
  unite(call, holders.calls.front());
}

void CallGroups::unite(CallIndex one, CallIndex other) {
  const auto [remains, gone] = std::minmax({calls_[one].group, calls_[other].group});
  if (remains == gone) return;
  Legs& legs = groups_[remains];
  const auto found = groups_.find(gone);
  if (legs.size() + found->second.size() > kMostLegs) return;
  for (const CallIndex leg : found->second) {
    calls_[leg].group = remains;
    legs.push_back(leg);
  }
  if (std::erase(parted_, gone) == 0) merged_.push_back(gone);
  groups_.erase(gone);
}

// Leaves together what keys hold together, and joins what there was no room for.
void CallGroups::part(GroupId group) {
  const Legs legs = groups_[group];
  groups_[group].resize(1);
  for (const CallIndex leg : std::span(legs).subspan(1)) {
    calls_[leg].group = ++last_group_;
    groups_[last_group_].push_back(leg);
    parted_.push_back(last_group_);
  }
  for (const CallIndex leg : legs) {
    for (const Key key : calls_[leg].keys) {
      for (const CallIndex other : keys_[key].calls) unite(leg, other);
    }
  }
}

void CallGroups::remove(CallIndex call) {
  if (of(call) == kNoGroup) return;
  Member& member = calls_[call];
  for (const Key key : member.keys) {
    const auto found = keys_.find(key);
    Holders& holders = found->second;
    holders.calls.erase(std::remove(holders.calls.begin(), holders.calls.end(), call), holders.calls.end());
    if (--holders.count == 0) keys_.erase(found);
  }
  const auto group = groups_.find(member.group);
  group->second.erase(std::find(group->second.begin(), group->second.end(), call));
  if (group->second.empty()) groups_.erase(group);
  member.group = kNoGroup;
  member.keys.clear();
}

std::span<const CallIndex> CallGroups::legs(GroupId group) const {
  const auto found = groups_.find(group);
  if (found == groups_.end()) return {};
  return {found->second.data(), found->second.size()};
}

// The Call-ID that B2BUAs have appended to, perhaps several of them.
std::string_view CallGroups::trunk(std::string_view call_id) const {
  const auto appended = [&call_id](const std::string& suffix) -> std::size_t {
    if (suffix.empty()) return 0;
    if (call_id.ends_with(suffix)) return suffix.size();
    std::size_t digits = 0;
    while (digits < call_id.size() && sip::is_digit(call_id[call_id.size() - 1 - digits])) ++digits;
    return call_id.substr(0, call_id.size() - digits).ends_with(suffix) ? digits + suffix.size() : 0;
  };
  for (std::size_t i = 0; i < suffixes_.size();) {
    const std::size_t size = appended(suffixes_[i]);
    const bool is_cut = size > 0 && size < call_id.size();
    if (is_cut) call_id.remove_suffix(size);
    i = is_cut ? 0 : i + 1;
  }
  return call_id;
}

}  // namespace lc::calls
