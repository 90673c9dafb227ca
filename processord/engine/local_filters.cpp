#include "processord/engine/local_filters.h"

#include <utility>

namespace lc::processor {

LocalFilters::LocalFilters(Engine& engine, std::string hunter_id, capture::ActiveFilters& active,
                           std::function<void()> changed)
    : engine_(engine),
      hunter_id_(std::move(hunter_id)),
      active_(active),
      inbox_({.filters_changed =
                  [this, changed = std::move(changed)](std::vector<fleet::Filter> filters, std::uint64_t revision) {
                    (void)active_.apply(std::move(filters), revision, wall_ns());
                    changed();
                  },
              .endpoints_changed =
                  [this](std::vector<fleet::Filter> added, std::vector<std::string> removed, bool anew) {
                    active_.change_endpoints(std::move(added), std::move(removed), anew);
                  }}) {}

LocalFilters::~LocalFilters() {
  if (subscription_) engine_.close_filters(subscription_);
}

void LocalFilters::start() {
  std::vector<fleet::Filter> now;
  for (const ListedFilter& listed : engine_.filters().board().list(hunter_id_)) now.push_back(*listed.filter);
  (void)active_.apply(now, 0, wall_ns());
  inbox_.reset(now);
  inbox_.start();
  Result<std::shared_ptr<FilterSubscription>> subscription = engine_.open_filters(
      hunter_id_, [this] { feed(); }, [](const Error&) {});
  if (!subscription) return;  // the engine stops already
  subscription_ = std::move(*subscription);
  subscribed_ = true;
  feed();
}

void LocalFilters::feed() {
  work_.run([this] {
    if (!subscribed_) return;  // start() looks again
    while (const auto update = engine_.filters().board().next(*subscription_)) {
      inbox_.apply(*update);
      engine_.filters_written(*subscription_);
    }
  });
}

}  // namespace lc::processor
