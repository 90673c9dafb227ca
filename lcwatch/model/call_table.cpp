#include "lcwatch/model/call_table.h"

#include <algorithm>

namespace lc::watch {

void CallTable::take(const CallCame& came) {
  const std::uint64_t snapshot = snapshots_[came.server];
  Known& known = calls_[{came.server, came.call->id}];
  // The update of one that is shown may come by another way, without the messages: those that are known stay.
  if (known.call && came.call->messages.empty() && !known.call->messages.empty()) {
    fleet::Call call = *came.call;
    call.messages = known.call->messages;
    call.more_messages = known.call->more_messages;
    known = {std::make_shared<const fleet::Call>(std::move(call)), snapshot};
    return;
  }
  known = {came.call, snapshot};
}

void CallTable::take(const CallGone& gone) {
  calls_.erase({gone.server, gone.id});
}

void CallTable::take(const CallsBegin& begin) {
  ++snapshots_[begin.server];
}

void CallTable::take(const CallsComplete& complete) {
  const std::uint64_t snapshot = snapshots_[complete.server];
  std::erase_if(
      calls_, [&](const auto& one) { return one.first.server == complete.server && one.second.snapshot != snapshot; });
}

CallTable::Pointer CallTable::find(const CallKey& key) const {
  const auto found = calls_.find(key);
  return found == calls_.end() ? nullptr : found->second.call;
}

std::size_t CallTable::active() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(calls_, [](const auto& one) { return one.second.call->ended_ns == 0; }));
}

}  // namespace lc::watch
