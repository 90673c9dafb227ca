#include "common/capture/filter_view.h"

#include <catch2/catch.hpp>
#include <string>
#include <thread>
#include <vector>

#include "common/capture/filter_inbox.h"
#include "tests/support/changes.h"
#include "tests/support/filters.h"

using namespace lc;
using namespace lc::capture;
using fleet::FilterUpdateType;
using lc::test::Changes;
using lc::test::ip_filter;
using lc::test::media_endpoint;

namespace {

fleet::FilterUpdate update(FilterUpdateType type, const fleet::Filter& filter, std::uint64_t revision) {
  return {.type = type, .filter = filter, .revision = revision, .snapshot = {}};
}

fleet::FilterUpdate snapshot(std::vector<fleet::Filter> filters, std::uint64_t revision) {
  return {.type = FilterUpdateType::kSnapshot, .filter = {}, .revision = revision, .snapshot = std::move(filters)};
}

}  // namespace

TEST_CASE(
    "An addition of what is known replaces it, a change of what is not known adds it, and what is deleted twice is "
    "gone",
    "[filter_view]") {
  FilterView view;
  view.apply(update(FilterUpdateType::kModify, ip_filter("a"), 1));
  view.apply(update(FilterUpdateType::kAdd, ip_filter("a", {}, "192.0.2.2"), 2));
  view.apply(update(FilterUpdateType::kDelete, ip_filter("b"), 3));
  FilterView::Changes changes = view.take();
  REQUIRE(changes.filters);
  REQUIRE(changes.filters->size() == 1);
  CHECK(changes.filters->at(0).pattern == "192.0.2.2");
  CHECK(changes.revision == 3);
  CHECK_FALSE(changes.any_endpoints());
  CHECK_FALSE(view.has_changes());
  view.apply(update(FilterUpdateType::kDelete, ip_filter("a"), 4));
  view.apply(update(FilterUpdateType::kDelete, ip_filter("a"), 4));
  changes = view.take();
  REQUIRE(changes.filters);
  CHECK(changes.filters->empty());
}

TEST_CASE("A snapshot replaces filters and media endpoints, a registration the filters only", "[filter_view]") {
  FilterView view;
  view.apply(snapshot({ip_filter("a"), media_endpoint("m1")}, 7));
  FilterView::Changes changes = view.take();
  CHECK_FALSE(changes.endpoints_replaced);
  CHECK(changes.endpoints_added.size() == 1);
  CHECK(changes.filters->size() == 1);
  view.reset({ip_filter("b")});
  CHECK_FALSE(view.has_changes());
  view.apply(update(FilterUpdateType::kDelete, media_endpoint("m1"), 0));
  changes = view.take();
  CHECK(changes.endpoints_removed == std::vector<std::string>{"m1"});
  CHECK_FALSE(changes.filters);
  view.apply(update(FilterUpdateType::kAdd, media_endpoint("m2"), 0));
  view.take();
  view.apply(snapshot({media_endpoint("m3")}, 2));  // of another processor: its revisions are its own
  changes = view.take();
  CHECK(changes.endpoints_replaced);
  CHECK(changes.endpoints_added == std::vector<fleet::Filter>{media_endpoint("m3")});
  CHECK(changes.endpoints_removed.empty());
  REQUIRE(changes.filters);
  CHECK(changes.filters->empty());
  CHECK(changes.revision == 2);
}

TEST_CASE("A media endpoint alone does not have the filters compiled again, a revision alone does", "[filter_view]") {
  FilterView view;
  view.apply(snapshot({ip_filter("a")}, 7));
  view.take();
  view.apply(update(FilterUpdateType::kAdd, media_endpoint("m"), 7));
  CHECK_FALSE(view.take().filters);
  view.apply(update(FilterUpdateType::kDelete, ip_filter("came and went"), 8));
  const FilterView::Changes changes = view.take();
  CHECK(changes.filters);
  CHECK(changes.revision == 8);
}

TEST_CASE("Updates that wait while filters are compiled come together, endpoints first, and a registration voids them",
          "[filter_inbox]") {
  Changes changes;
  std::vector<std::string> events;
  int allowed = 0;
  int begun = 0;
  FilterInbox inbox({.filters_changed =
                         [&](std::vector<fleet::Filter> filters, std::uint64_t revision) {
                           int number = 0;
                           changes.change([&] {
                             number = ++begun;
                             events.push_back("filters " + std::to_string(filters.size()) + " at " +
                                              std::to_string(revision));
                           });
                           changes.wait([&] { return allowed >= number; });
                         },
                     .endpoints_changed =
                         [&](std::vector<fleet::Filter> added, std::vector<std::string> removed, bool replaced) {
                           changes.change([&] {
                             events.push_back("endpoints +" + std::to_string(added.size()) + " -" +
                                              std::to_string(removed.size()) + (replaced ? " replaced" : ""));
                           });
                         }});
  inbox.start();
  inbox.apply(snapshot({ip_filter("a")}, 1));
  REQUIRE(changes.wait([&] { return events.size() == 1; }));
  inbox.apply(update(FilterUpdateType::kAdd, ip_filter("b"), 2));
  inbox.apply(update(FilterUpdateType::kAdd, media_endpoint("m"), 2));
  inbox.apply(update(FilterUpdateType::kAdd, ip_filter("c"), 3));
  changes.change([&] { allowed = 2; });
  REQUIRE(changes.wait([&] { return events.size() == 3; }));
  CHECK(events == std::vector<std::string>{"filters 1 at 1", "endpoints +1 -0", "filters 3 at 3"});

  inbox.apply(update(FilterUpdateType::kDelete, ip_filter("a"), 4));
  REQUIRE(changes.wait([&] { return events.size() == 4; }));
  inbox.apply(update(FilterUpdateType::kDelete, ip_filter("b"), 5));
  std::jthread registration([&] {
    inbox.reset({ip_filter("z")});
    changes.change([&] { events.push_back("registered"); });
  });
  changes.change([&] { allowed = 100; });
  // The deletion may have come before the registration, but never after it.
  REQUIRE(changes.wait([&] { return events.back() == "registered"; }));
  inbox.apply(update(FilterUpdateType::kAdd, ip_filter("y"), 6));
  REQUIRE(changes.wait([&] { return events.back() == "filters 2 at 6"; }));
  CHECK(changes.look([&] { return events[events.size() - 2]; }) == "registered");
}
