#include "processord/service/filter_messages.h"

#include "common/wire/convert.h"

namespace lc::processor {

namespace pb = lippycat::management;

void add_listed(const std::vector<ListedFilter>& filters, google::protobuf::RepeatedPtrField<pb::Filter>& messages) {
  messages.Reserve(static_cast<int>(filters.size()));
  for (const ListedFilter& listed : filters) {
    pb::Filter& message = *messages.Add();
    message = wire::to_proto(*listed.filter);
    message.set_packets_hit(listed.packets_hit);
    message.set_last_hit_ns(listed.last_hit_ns);
  }
}

pb::FilterUpdateResult to_proto(const FilterOutcome& outcome) {
  pb::FilterUpdateResult message;
  message.set_success(true);
  message.set_hunters_updated(outcome.hunters_updated);
  message.set_revision(outcome.revision);
  message.set_hunters_pending(outcome.hunters_pending);
  message.set_filter_id(outcome.filter_id);
  return message;
}

void ShownFilters::fill(pb::ConnectedHunter& hunter) {
  hunter.set_filter_revision(board_.revision_for(hunter.hunter_id()));
  hunter.set_filters_targeting(static_cast<std::uint32_t>(board_.count_for(hunter.hunter_id())));
  if (left_ == 0) return;
  add_listed(board_.list(hunter.hunter_id()), *hunter.mutable_filters());
  std::size_t bytes = 0;
  for (const pb::Filter& filter : hunter.filters()) bytes += filter.ByteSizeLong() + 4;  // tag and length
  if (bytes > left_) hunter.clear_filters();
  left_ = bytes > left_ ? 0 : left_ - bytes;
}

}  // namespace lc::processor
