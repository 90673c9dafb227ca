#include "processord/engine/filter_board.h"

#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "common/capture/filter_view.h"
#include "tests/support/filters.h"

using namespace lc;
using namespace lc::processor;
using fleet::FilterUpdate;
using fleet::FilterUpdateType;
using lc::test::ip_filter;
using lc::test::media_endpoint;

namespace {

using Filters = std::map<std::string, fleet::Filter>;

/// A board, and the changes a store would publish.
struct Bench {
  FilterBoard board{{}, 1};
  std::uint64_t revision = 1;
  Filters table;

  FilterChange change(const std::string& id, const std::optional<fleet::Filter>& after) {
    const auto found = table.find(id);
    FilterChange change{.id = id, .revision = ++revision, .before = nullptr, .after = nullptr};
    if (found != table.end()) change.before = std::make_shared<const fleet::Filter>(found->second);
    if (after) change.after = std::make_shared<const fleet::Filter>(*after);
    if (after) {
      table[id] = *after;
    } else {
      table.erase(id);
    }
    return change;
  }
  void put(const fleet::Filter& filter) { board.publish({change(filter.id, filter)}); }
  void remove(const std::string& id) { board.publish({change(id, std::nullopt)}); }

  [[nodiscard]] Filters of(const std::string& hunter_id) const {
    Filters filters;
    for (const auto& [id, filter] : table) {
      if (targets(filter, hunter_id)) filters[id] = filter;
    }
    return filters;
  }
};

/// A hunter's end.
struct Hunter {
  Hunter(FilterBoard& board_in, const std::string& id, bool takes_snapshots, std::vector<FilterPointer> given = {})
      : board(board_in) {
    subscription = board.subscribe({.hunter_id = id,
                                    .takes_snapshots = takes_snapshots,
                                    .given = std::move(given),
                                    .ready = [this] { ++told; },
                                    .closed = [this](const Error& reason) { closed.push_back(reason); }});
  }
  ~Hunter() { board.unsubscribe(subscription); }
  Hunter(const Hunter&) = delete;
  Hunter& operator=(const Hunter&) = delete;

  std::optional<FilterUpdate> next() {
    auto update = board.next(*subscription);
    if (update) board.written(*subscription);
    return update;
  }
  FilterUpdate must_next() {
    const auto update = next();
    REQUIRE(update);
    return *update;
  }

  FilterBoard& board;
  int told = 0;
  std::vector<Error> closed;
  std::shared_ptr<FilterSubscription> subscription;
};

Filters by_id(const std::vector<fleet::Filter>& filters) {
  Filters result;
  for (const auto& filter : filters) result[filter.id] = filter;
  return result;
}

}  // namespace

TEST_CASE("A hunter gets a snapshot of what targets it, even of nothing, and then each change with its revision",
          "[filter_board]") {
  Bench bench;
  Hunter empty(bench.board, "h2", true);
  const FilterUpdate nothing = empty.must_next();
  CHECK(nothing.type == FilterUpdateType::kSnapshot);
  CHECK(nothing.snapshot.empty());
  CHECK(nothing.revision == 1);
  CHECK_FALSE(empty.next());

  bench.put(ip_filter("all"));
  bench.put(ip_filter("mine", {"h1"}));
  bench.put(ip_filter("other", {"h2"}));
  Hunter hunter(bench.board, "h1", true);
  const FilterUpdate snapshot = hunter.must_next();
  CHECK(by_id(snapshot.snapshot) == bench.of("h1"));
  CHECK(snapshot.revision == 3);
  CHECK(bench.board.revision_for("h1") == 3);
  CHECK(bench.board.revision_for("h2") == 4);
  CHECK(bench.board.revision() == 4);

  bench.put(ip_filter("new", {"h1", "h3"}));
  fleet::Filter disabled = ip_filter("all");
  disabled.enabled = false;
  bench.put(disabled);
  bench.put(ip_filter("mine", {"h2"}));
  bench.put(ip_filter("other", {"h2", "h1"}));
  bench.remove("new");
  const std::vector<std::pair<FilterUpdateType, std::string>> expected = {
      {FilterUpdateType::kModify, "all"}, {FilterUpdateType::kDelete, "mine"}, {FilterUpdateType::kAdd, "other"}};
  // What came and went before it could be told is told as gone: that keeps the revisions complete.
  const FilterUpdate gone = hunter.must_next();
  CHECK(gone.type == FilterUpdateType::kDelete);
  CHECK(gone.filter.id == "new");
  CHECK(gone.revision == 5);
  std::uint64_t revision = 5;
  for (const auto& [type, id] : expected) {
    const FilterUpdate update = hunter.must_next();
    CHECK(update.type == type);
    CHECK(update.filter.id == id);
    CHECK(update.revision >= ++revision);
  }
  CHECK_FALSE(hunter.next());
}

TEST_CASE("A change that concerns nobody here disturbs nobody, and raises nobody's revision", "[filter_board]") {
  Bench bench;
  Hunter hunter(bench.board, "h1", true);
  REQUIRE(hunter.next());
  bench.put(ip_filter("other", {"h2"}));
  CHECK(hunter.told == 0);
  CHECK_FALSE(hunter.next());
  CHECK(bench.board.revision_for("h1") == 1);
  bench.put(ip_filter("other", {"h1"}));
  CHECK(hunter.told == 1);
  CHECK(hunter.must_next().revision == 3);
  bench.put(ip_filter("other"));
  CHECK(bench.board.revision_for("anybody") == 4);
}

TEST_CASE("A peer of the reference gets additions, and then each change as DELETE and ADD", "[filter_board]") {
  Bench bench;
  bench.put(ip_filter("a"));
  bench.put(ip_filter("b", {"old"}));
  Hunter hunter(bench.board, "old", false);
  CHECK(hunter.must_next().type == FilterUpdateType::kAdd);
  CHECK(bench.board.written_revision("old") < bench.board.revision_for("old"));
  CHECK(hunter.must_next().type == FilterUpdateType::kAdd);
  CHECK(bench.board.written_revision("old") == bench.board.revision_for("old"));
  CHECK_FALSE(hunter.next());

  bench.put(ip_filter("a", {}, "198.51.100.1"));
  const auto deletion = bench.board.next(*hunter.subscription);
  REQUIRE(deletion);
  CHECK(deletion->type == FilterUpdateType::kDelete);
  CHECK(deletion->filter.id == "a");
  bench.board.written(*hunter.subscription);
  CHECK(bench.board.written_revision("old") < bench.revision);
  const auto addition = bench.board.next(*hunter.subscription);
  REQUIRE(addition);
  CHECK(addition->type == FilterUpdateType::kAdd);
  CHECK(addition->filter.pattern == "198.51.100.1");
  CHECK(bench.board.written_revision("old") < bench.revision);  // given out, not written
  bench.board.written(*hunter.subscription);
  CHECK(bench.board.written_revision("old") == bench.revision);

  bench.put(ip_filter("b", {"h1"}));
  CHECK(hunter.must_next().type == FilterUpdateType::kDelete);
  bench.put(ip_filter("c"));
  bench.remove("c");
  CHECK_FALSE(hunter.next());
  CHECK(bench.board.written_revision("old") == bench.revision);
  bench.board.announce({media_endpoint("m")});
  CHECK_FALSE(hunter.next());
}

TEST_CASE("What a hunter that does not read has to be told stays bounded, and ends in one snapshot", "[filter_board]") {
  Bench bench;
  Hunter slow(bench.board, "slow", true);
  Hunter old(bench.board, "old", false);
  Hunter quick(bench.board, "quick", true);
  REQUIRE(slow.next());
  REQUIRE(quick.next());
  for (int round = 0; round < 5'000; ++round) {
    bench.put(ip_filter("f" + std::to_string(round)));
    if (round >= 100) bench.remove("f" + std::to_string(round - 100));
    while (quick.next()) {
    }
  }
  const FilterUpdate snapshot = slow.must_next();
  CHECK(snapshot.type == FilterUpdateType::kSnapshot);
  CHECK(by_id(snapshot.snapshot) == bench.table);
  CHECK(snapshot.revision == bench.revision);
  CHECK_FALSE(slow.next());
  std::size_t updates = 0;
  for (; const auto update = old.next(); ++updates) CHECK(update->type == FilterUpdateType::kAdd);
  CHECK(updates == bench.table.size());
}

TEST_CASE("Media endpoints go at once to hunters that take snapshots, unlisted and without a revision",
          "[filter_board]") {
  Bench bench;
  Hunter hunter(bench.board, "h1", true);
  REQUIRE(hunter.next());
  bench.put(ip_filter("f"));
  bench.board.announce({media_endpoint("m1", 5'000), media_endpoint("m2")});
  FilterUpdate update = hunter.must_next();  // before what came earlier: media does not wait
  CHECK(update.type == FilterUpdateType::kAdd);
  CHECK(update.filter == media_endpoint("m1", 5'000));
  CHECK(update.revision == 1);
  CHECK(hunter.must_next().filter.id == "m2");
  CHECK(hunter.must_next().filter.id == "f");
  CHECK(bench.board.size() == 1);
  CHECK(bench.board.list("").size() == 1);
  CHECK(bench.board.revision() == 2);

  Hunter late(bench.board, "h2", true);
  CHECK(late.must_next().snapshot.size() == 3);
  bench.board.announce({media_endpoint("m2")});  // nothing new
  CHECK_FALSE(hunter.next());
  bench.board.announce({media_endpoint("m1", 9'000)});
  update = hunter.must_next();
  CHECK(update.type == FilterUpdateType::kModify);
  CHECK(update.filter.expires_at_ns == 9'000);
  bench.board.expire_endpoints(8'999);
  CHECK_FALSE(hunter.next());
  bench.board.expire_endpoints(9'000);
  bench.board.withdraw({"m2", "nobody"});
  for (const std::string id : {"m1", "m2"}) {
    update = hunter.must_next();
    CHECK(update.type == FilterUpdateType::kDelete);
    CHECK(update.filter.id == id);
    CHECK(update.filter.type == fleet::FilterType::kMediaEndpoint);
  }
  bench.board.announce({media_endpoint("m3")});
  bench.board.withdraw({"m3"});
  CHECK_FALSE(hunter.next());
}

TEST_CASE("A hunter has one subscription: another one, and its owner, close it", "[filter_board]") {
  Bench bench;
  Hunter first(bench.board, "h1", true);
  Hunter second(bench.board, "h1", true);
  REQUIRE(first.closed.size() == 1);
  CHECK(first.closed[0].code == Code::kAborted);
  CHECK(second.closed.empty());
  Hunter other(bench.board, "h2", true);
  bench.board.close("h1", {Code::kAborted, "again"});
  CHECK(second.closed.size() == 1);
  CHECK(other.closed.empty());
  bench.board.close_all({Code::kUnavailable, "stopping"});
  CHECK(other.closed.size() == 1);
  CHECK(second.closed.size() == 1);
}

TEST_CASE("Hits are counted for each filter, and forgotten with it", "[filter_board]") {
  Bench bench;
  bench.put(ip_filter("a"));
  bench.board.count_hits("a", 3, 70);
  bench.board.count_hits("a", 2, 50);
  bench.board.count_hits("nobody", 2, 50);
  bench.put(ip_filter("a", {"h1"}));
  auto listed = bench.board.list("h1");
  REQUIRE(listed.size() == 1);
  CHECK(listed[0].packets_hit == 5);
  CHECK(listed[0].last_hit_ns == 70);
  CHECK(bench.board.list("h2").empty());
  bench.remove("a");
  bench.put(ip_filter("a"));
  CHECK(bench.board.list("").at(0).packets_hit == 0);
}

TEST_CASE("Whatever is changed, retargeted, disabled, deleted and subscribed again, hunters have what the table says",
          "[filter_board][filter_view]") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    Bench bench;
    Filters endpoints;
    struct Site {
      std::string id;
      bool takes_snapshots;
      capture::FilterView view;
      std::unique_ptr<Hunter> link;
      Filters filters, endpoints;  // as its owner has been told
      std::uint64_t revision = 0;
      std::optional<std::vector<FilterPointer>> given;  // it has registered, and not subscribed yet
    };
    std::vector<Site> sites;
    for (const auto& [id, snapshots] : {std::pair{"h1", true}, {"h2", true}, {"old", false}}) {
      sites.push_back({.id = id,
                       .takes_snapshots = snapshots,
                       .view = {},
                       .link = nullptr,
                       .filters = {},
                       .endpoints = {},
                       .revision = 0,
                       .given = std::nullopt});
    }
    const auto deliver = [&](Site& site, std::size_t most) {
      if (!site.link) return;
      for (; most > 0; --most) {
        const auto update = site.link->next();
        if (!update) break;
        site.view.apply(*update);
      }
      capture::FilterView::Changes changes = site.view.take();
      if (changes.endpoints_replaced) site.endpoints.clear();
      for (const auto& endpoint : changes.endpoints_added) site.endpoints[endpoint.id] = endpoint;
      for (const std::string& id : changes.endpoints_removed) {
        CHECK(changes.endpoints_replaced == false);
        site.endpoints.erase(id);
      }
      if (!changes.filters) return;
      site.filters = by_id(*changes.filters);
      CHECK(changes.revision >= site.revision);
      site.revision = changes.revision;
    };
    for (int step = 0; step < 1'000; ++step) {
      const std::string id = "f" + std::to_string(random() % 20);
      const auto found = bench.table.find(id);
      Site& site = sites[random() % sites.size()];
      switch (random() % 9) {
        case 0:
        case 1: {
          static const std::vector<std::vector<std::string>> kTargets = {{},      {"h1"},       {"h2"},
                                                                         {"old"}, {"h1", "h2"}, {"h1", "old"}};
          bench.put(ip_filter(id, kTargets[random() % kTargets.size()], "192.0.2." + std::to_string(random() % 250)));
          break;
        }
        case 2:
          if (found != bench.table.end()) {
            fleet::Filter toggled = found->second;
            toggled.enabled = !toggled.enabled;
            bench.put(toggled);
          }
          break;
        case 3:
          if (found != bench.table.end()) bench.remove(id);
          break;
        case 4: {  // registers and subscribes, as after a loss of connection or a restart
          site.link.reset();
          if (random() % 2 == 0) {
            site.view = {};
            site.endpoints.clear();
          }
          std::vector<fleet::Filter> answer;
          site.given.emplace();
          for (const ListedFilter& listed : bench.board.list(site.id)) {
            answer.push_back(*listed.filter);
            site.given->push_back(listed.filter);
          }
          site.view.reset(answer);
          site.filters = by_id(answer);
          site.revision = 0;
          break;
        }
        case 5: {
          const std::string endpoint = "m" + std::to_string(random() % 10);
          if (random() % 2 == 0) {
            endpoints[endpoint] = media_endpoint(endpoint, static_cast<std::int64_t>(1 + random() % 3));
            bench.board.announce({endpoints[endpoint]});
          } else {
            endpoints.erase(endpoint);
            bench.board.withdraw({endpoint});
          }
          break;
        }
        case 6:
          if (!site.given) break;
          site.link = std::make_unique<Hunter>(bench.board, site.id, site.takes_snapshots, *site.given);
          site.given.reset();
          break;
        default:
          deliver(site, random() % 4);
      }
    }
    for (Site& site : sites) {
      if (!site.link) continue;
      deliver(site, 100'000);
      CHECK(site.filters == bench.of(site.id));
      if (!site.takes_snapshots) continue;
      CHECK(site.endpoints == endpoints);
      CHECK(site.revision == bench.board.revision_for(site.id));
    }
  }
}
