#include "common/capture/filter_view.h"

#include <utility>

namespace lc::capture {

void FilterView::reset(const std::vector<fleet::Filter>& filters) {
  filters_.clear();
  for (const fleet::Filter& filter : filters) filters_[filter.id] = filter;
  revision_ = 0;
  filters_changed_ = false;
}

void FilterView::apply(const fleet::FilterUpdate& update) {
  switch (update.type) {
    case fleet::FilterUpdateType::kSnapshot:
      replace(update.snapshot);
      break;
    case fleet::FilterUpdateType::kAdd:
    case fleet::FilterUpdateType::kModify:
      put(update.filter);
      break;
    case fleet::FilterUpdateType::kDelete:
      remove(update.filter);
      break;
    default:
      return;  // of a newer processor
  }
  if (std::exchange(revision_, update.revision) != update.revision) filters_changed_ = true;
}

void FilterView::put(const fleet::Filter& filter) {
  if (filter.type != fleet::FilterType::kMediaEndpoint) {
    filters_[filter.id] = filter;
    filters_changed_ = true;
    return;
  }
  endpoints_[filter.id] = filter;
  endpoints_added_.insert(filter.id);
  endpoints_removed_.erase(filter.id);
}

void FilterView::remove(const fleet::Filter& filter) {
  if (filter.type != fleet::FilterType::kMediaEndpoint) {
    if (filters_.erase(filter.id) > 0) filters_changed_ = true;
    return;
  }
  if (endpoints_.erase(filter.id) == 0) return;
  endpoints_added_.erase(filter.id);
  if (!endpoints_replaced_) endpoints_removed_.insert(filter.id);
}

void FilterView::replace(const std::vector<fleet::Filter>& snapshot) {
  if (!endpoints_.empty() || endpoints_changed()) endpoints_replaced_ = true;
  endpoints_.clear();
  endpoints_added_.clear();
  endpoints_removed_.clear();
  filters_.clear();
  filters_changed_ = true;
  for (const fleet::Filter& filter : snapshot) put(filter);
}

FilterView::Changes FilterView::take() {
  Changes changes{.endpoints_added = {},
                  .endpoints_removed = {endpoints_removed_.begin(), endpoints_removed_.end()},
                  .endpoints_replaced = endpoints_replaced_,
                  .filters = std::nullopt,
                  .revision = revision_};
  for (const std::string& id : endpoints_added_) changes.endpoints_added.push_back(endpoints_.at(id));
  if (filters_changed_) {
    changes.filters.emplace();
    changes.filters->reserve(filters_.size());
    for (const auto& [id, filter] : filters_) changes.filters->push_back(filter);
  }
  endpoints_added_.clear();
  endpoints_removed_.clear();
  endpoints_replaced_ = filters_changed_ = false;
  return changes;
}

}  // namespace lc::capture
