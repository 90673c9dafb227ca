#include "processord/engine/topology_feed.h"

#include <optional>
#include <tuple>

#include "common/base/clock.h"

namespace lc::processor {

fleet::ConnectedHunter connected(const Hunter::View& view) {
  return {.description = view.description,
          .remote_address = view.remote_address,
          .status = view.status,
          .connected_since_ns = view.connected_since_ns};
}

TopologyFeed::TopologyFeed(const fleet::Processor& self, std::size_t max_subscribers, StatusFunction status)
    : status_(std::move(status)), self_(std::in_place, self), topology_(self, max_subscribers) {}

void TopologyFeed::set_address(const std::string& address) {
  self_.with([&](fleet::Processor& self) { self.address = address; });
  status_changed();
}

void TopologyFeed::set_upstream(const std::string& address) {
  self_.with([&](fleet::Processor& self) { self.upstream = address; });
  status_changed();
}

void TopologyFeed::status_changed() {
  topology_.self_changed(
      [this] {
        fleet::Processor now = self_.with([](const fleet::Processor& self) { return self; });
        std::tie(now.status, now.status_reason) = status_();
        return now;
      },
      wall_ns());
}

void TopologyFeed::hunter_changed(const Hunter& hunter, const std::string& reason) {
  topology_.hunter_changed(
      hunter.id(),
      [&]() -> std::optional<fleet::ConnectedHunter> {
        const Hunter::View view = hunter.view();
        if (!view.connected) return std::nullopt;
        return connected(view);
      },
      reason, wall_ns());
}

void TopologyFeed::filter_changed(const FilterChange& change) {
  fleet::FilterUpdate update{.type = !change.after    ? fleet::FilterUpdateType::kDelete
                                     : !change.before ? fleet::FilterUpdateType::kAdd
                                                      : fleet::FilterUpdateType::kModify,
                             .filter = {},
                             .revision = change.revision,
                             .snapshot = {}};
  if (change.after) {
    update.filter = *change.after;
  } else {
    update.filter.id = change.id;
    update.filter.type = change.before->type;
  }
  topology_.filter_updated(std::move(update), wall_ns());
}

}  // namespace lc::processor
