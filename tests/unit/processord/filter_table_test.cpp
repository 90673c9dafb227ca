#include "processord/engine/filter_table.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "processord/engine/filter_rollout.h"
#include "tests/support/changes.h"
#include "tests/support/described_hunter.h"
#include "tests/support/fake_clock.h"
#include "tests/support/filters.h"
#include "tests/support/recording_peer.h"
#include "tests/support/temp_dir.h"

using namespace lc;
using namespace lc::processor;
using namespace lc::test;
using namespace std::chrono_literals;

namespace {

struct Bench {
  TempDir directory;
  RealFileSystem files{"filters"};
  std::atomic<std::int64_t> now_ns{1'000};
  std::string path = directory.file("state/filters.json");
  std::unique_ptr<FilterTable> table = open();
  Changes changes;
  std::vector<Result<FilterChange>> answers;

  std::unique_ptr<FilterTable> open() {
    return std::make_unique<FilterTable>(FilterFile::Settings{.path = path, .exclusive = true}, files,
                                         [this] { return now_ns.load(); });
  }
  FilterTable::Done note() {
    return [this](const Result<FilterChange>& result) { changes.change([&] { answers.push_back(result); }); };
  }
  bool wait_for_answers(std::size_t count) {
    return changes.wait([&] { return answers.size() >= count; });
  }
  Result<FilterChange> upsert(const fleet::Filter& filter) {
    const std::size_t before = changes.look([&] { return answers.size(); });
    table->upsert(filter, note());
    REQUIRE(wait_for_answers(before + 1));
    return answers.back();
  }
};

}  // namespace

TEST_CASE("A change is saved and published when its answer comes, and there after a restart", "[filter_table]") {
  Bench bench;
  bench.table->start();
  const auto added = bench.upsert(ip_filter("a"));
  REQUIRE(added);
  CHECK(bench.table->board().revision() == added->revision);
  CHECK(bench.table->board().list("h1").size() == 1);
  CHECK_FALSE(bench.upsert(ip_filter("not an id")));
  bench.table.reset();
  bench.table = bench.open();
  CHECK(bench.table->board().list("").size() == 1);
}

TEST_CASE("Changes that were asked for before a stop are made, and later ones refused", "[filter_table]") {
  Bench bench;
  SECTION("of a table that runs") {
    bench.table->start();
  }
  SECTION("of a table that was never started") {}
  for (int i = 0; i < 20; ++i) bench.table->upsert(ip_filter("f" + std::to_string(i)), bench.note());
  bench.table->stop();
  REQUIRE(bench.answers.size() == 20);
  for (const auto& answer : bench.answers) CHECK(answer);
  bench.table->erase("f1", bench.note());
  REQUIRE(bench.answers.size() == 21);
  CHECK(bench.answers.back().error().code == Code::kUnavailable);
  CHECK(bench.table->board().size() == 20);
}

TEST_CASE("What has expired is withdrawn from hunters and the file within a second", "[filter_table]") {
  Bench bench;
  bench.table->start();
  Changes told;
  int times = 0;
  const auto subscription = bench.table->board().subscribe({.hunter_id = "h1",
                                                            .takes_snapshots = true,
                                                            .ready = [&] { told.change([&] { ++times; }); },
                                                            .closed = [](const Error&) {}});
  fleet::Filter brief = ip_filter("brief");
  brief.expires_at_ns = 2'000;
  REQUIRE(bench.upsert(brief));
  bench.table->announce({media_endpoint("m", 2'000)});
  REQUIRE(bench.table->board().next(*subscription));  // a snapshot of both
  bench.table->board().written(*subscription);
  const int before = told.look([&] { return times; });
  const auto began = Clock::now();
  bench.now_ns = 2'000;
  REQUIRE(told.wait([&] { return times >= before + 2; }));
  CHECK(Clock::now() - began < 1s);
  for (const std::string id : {"m", "brief"}) {
    const auto update = bench.table->board().next(*subscription);
    REQUIRE(update);
    CHECK(update->type == fleet::FilterUpdateType::kDelete);
    CHECK(update->filter.id == id);
  }
  bench.table.reset();
  std::ifstream file(bench.path);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  CHECK(text.find("filters") != std::string::npos);
  CHECK(text.find("brief") == std::string::npos);
}

TEST_CASE("A file that people have edited is taken when it is asked for, and a damaged one leaves the table",
          "[filter_table]") {
  Bench bench;
  bench.table->start();
  REQUIRE(bench.upsert(ip_filter("old")));
  const auto write = [&](const std::string& text) { std::ofstream(bench.path) << text; };
  write("{\"filters\": [");
  bench.table->reload();
  bench.table->erase("nobody", bench.note());  // answered after the reload
  REQUIRE(bench.wait_for_answers(2));
  CHECK(bench.table->board().list("").at(0).filter->id == "old");
  write(R"({"filters": [{"id":"new","type":"FILTER_IP_ADDRESS","pattern":"192.0.2.5","enabled":true}]})");
  bench.table->reload();
  bench.table->erase("nobody", bench.note());
  REQUIRE(bench.wait_for_answers(3));
  REQUIRE(bench.table->board().size() == 1);
  CHECK(bench.table->board().list("").at(0).filter->id == "new");
}

TEST_CASE("One change among ten thousand filters is made and saved", "[filter_table]") {
  Bench bench;
  for (int i = 0; i < 10'000; ++i) {
    bench.table->upsert(
        ip_filter("filter-" + std::to_string(i), {}, "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250)),
        bench.note());
  }
  bench.table->start();
  REQUIRE(bench.wait_for_answers(10'000));
  std::vector<double> took_ms;
  for (int i = 0; i < 20; ++i) {
    const auto began = Clock::now();
    REQUIRE(bench.upsert(ip_filter("filter-5000", {}, "192.0.2." + std::to_string(i))));
    took_ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - began).count());
  }
  std::sort(took_ms.begin(), took_ms.end());
  std::cout << "a change among 10,000 filters, saved: median " << took_ms[10] << " ms, most " << took_ms.back()
            << " ms\n";
  const auto began = Clock::now();
  bench.table.reset();
  bench.table = bench.open();
  std::cout << "loading them: " << std::chrono::duration<double, std::milli>(Clock::now() - began).count() << " ms\n";
  CHECK(bench.table->board().size() == 10'000);
}

namespace {

struct Rollout {
  FakeClock clock;
  HunterRegistry hunters{10, clock};
  FilterBoard board{{}, 1};
  FilterRollout rollout{hunters, board, clock};
  std::vector<FilterOutcome> outcomes;

  std::shared_ptr<Hunter> add(const std::string& id, bool reports) {
    fleet::HunterDescription description = described_hunter(id);
    if (reports) description.features = {std::string(fleet::kFilterSnapshotFeature)};
    auto hunter = hunters.register_hunter(description, "192.0.2.1:1");
    REQUIRE(hunter);
    (*hunter)->link_opened();
    return *hunter;
  }
  void change(std::uint64_t revision, std::vector<std::string> targets) {
    const FilterChange change{.id = "f",
                              .revision = revision,
                              .before = nullptr,
                              .after = std::make_shared<const fleet::Filter>(ip_filter("f", std::move(targets)))};
    board.publish({change});
    rollout.follow(change, [this](const FilterOutcome& outcome) { outcomes.push_back(outcome); });
  }
  static void report(Hunter& hunter, std::uint64_t revision) {
    fleet::HunterStats stats;
    stats.filter_revision = revision;
    hunter.heard_beat(fleet::HunterStatus::kHealthy, stats);
  }
};

}  // namespace

TEST_CASE("A change is answered when every connected hunter that it concerns has confirmed", "[filter_rollout]") {
  Rollout bench;
  const auto first = bench.add("h1", true);
  const auto second = bench.add("h2", true);
  const auto away = bench.add("away", true);
  away->link_closed();
  bench.change(5, {"h1", "h2", "away", "never seen"});
  CHECK(bench.outcomes.empty());
  Rollout::report(*first, 5);
  Rollout::report(*second, 4);
  bench.rollout.settle();
  CHECK(bench.outcomes.empty());
  Rollout::report(*second, 6);  // of another processor: this one has not come so far
  bench.rollout.settle();
  CHECK(bench.outcomes.empty());
  Rollout::report(*second, 5);
  bench.rollout.settle();
  REQUIRE(bench.outcomes.size() == 1);
  CHECK(bench.outcomes[0].hunters_updated == 2);
  CHECK(bench.outcomes[0].hunters_pending == 1);
  CHECK(bench.outcomes[0].revision == 5);
  CHECK(bench.outcomes[0].filter_id == "f");
  bench.change(6, {"away"});
  REQUIRE(bench.outcomes.size() == 2);  // at once: there is nobody to wait for
  CHECK(bench.outcomes[1].hunters_pending == 1);
}

TEST_CASE("A change is answered after a second, whoever has not confirmed, and at once when all stops",
          "[filter_rollout]") {
  Rollout bench;
  bench.add("h1", true);
  bench.change(2, {});
  REQUIRE(bench.rollout.next_deadline());
  CHECK(*bench.rollout.next_deadline() - bench.clock.now() == 1s);
  bench.clock.advance(999ms);
  bench.rollout.settle();
  CHECK(bench.outcomes.empty());
  bench.clock.advance(1ms);
  bench.rollout.settle();
  REQUIRE(bench.outcomes.size() == 1);
  CHECK(bench.outcomes[0].hunters_updated == 0);
  CHECK(bench.outcomes[0].hunters_pending == 1);
  CHECK_FALSE(bench.rollout.next_deadline());
  bench.change(3, {});
  bench.rollout.finish();
  CHECK(bench.outcomes.size() == 2);
  bench.change(4, {});
  CHECK(bench.outcomes.size() == 3);
}

TEST_CASE("A peer that reports no revisions counts as updated when its update was written", "[filter_rollout]") {
  Rollout bench;
  bench.add("old", false);
  bench.change(2, {});
  CHECK(bench.outcomes.empty());
  const auto subscription = bench.board.subscribe(
      {.hunter_id = "old", .takes_snapshots = false, .ready = [] {}, .closed = [](const Error&) {}});
  REQUIRE(bench.board.next(*subscription));
  bench.rollout.settle();
  CHECK(bench.outcomes.empty());
  bench.board.written(*subscription);
  bench.rollout.progressed();
  bench.rollout.settle();
  REQUIRE(bench.outcomes.size() == 1);
  CHECK(bench.outcomes[0].hunters_updated == 1);
}

TEST_CASE("A hunter that registers again has nothing in force until it says so", "[filter_rollout]") {
  Rollout bench;
  const auto hunter = bench.add("h1", true);
  Rollout::report(*hunter, 1);
  CHECK(hunter->filter_revision() == 1);
  bench.add("h1", true);
  CHECK(hunter->filter_revision() == 0);
}
