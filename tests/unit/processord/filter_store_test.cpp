#include "processord/engine/filter_store.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "common/base/exit_code.h"
#include "tests/support/filters.h"
#include "tests/support/memory_file_system.h"

using namespace lc;
using namespace lc::processor;
using lc::test::ip_filter;
using lc::test::MemoryFileSystem;

namespace {

constexpr const char* kPath = "/state/filters.json";
using Model = std::map<std::string, fleet::Filter>;

struct Bench {
  MemoryFileSystem files;
  std::int64_t now_ns = 1'000;

  FilterStore open() {
    return {{.path = kPath, .exclusive = true}, files, [this] { return now_ns; }};
  }
  void put(const std::string& text) { files.put(kPath, {text.begin(), text.end()}); }
  std::string text() {
    const auto& bytes = files.bytes(kPath);
    return {bytes.begin(), bytes.end()};
  }
  std::string refusal() {
    try {
      open();
    } catch (const StartError& error) {
      CHECK(error.code() == ExitCode::kBadConfig);
      return error.what();
    }
    return "accepted";
  }
};

FilterEdit upsert(const fleet::Filter& filter) {
  return {filter.id, filter};
}
FilterEdit removal(const std::string& id) {
  return {id, std::nullopt};
}
Result<FilterChange> commit_one(FilterStore& store, FilterEdit edit) {
  return store.commit({std::move(edit)}).at(0);
}
Model contents(const FilterStore& store) {
  Model model;
  for (const FilterPointer& filter : store.filters()) model[filter->id] = *filter;
  return model;
}

}  // namespace

TEST_CASE("Filters come back after a restart exactly as they were, with a revision that is higher", "[filter_store]") {
  Bench bench;
  fleet::Filter full = ip_filter("full", {"h1", "h2"}, "2001:db8::/32");
  full.description = "a \"quoted\" line\nand \xc3\xa9";
  full.action = fleet::CaptureAction::kRtpHeaders;
  full.expires_at_ns = 5'000;
  fleet::Filter disabled = ip_filter("disabled");
  disabled.enabled = false;
  std::uint64_t revision = 0;
  {
    FilterStore store = bench.open();
    CHECK(store.filters().empty());
    CHECK(store.revision() == 1);
    const auto results = store.commit({upsert(full), upsert(disabled), upsert(ip_filter("x")), removal("x")});
    for (const auto& result : results) REQUIRE(result);
    CHECK(results[0]->revision == 2);
    CHECK(results[3]->revision == 5);
    CHECK_FALSE(results[0]->before);
    CHECK(results[3]->before);
    revision = store.revision();
  }
  const nlohmann::json judge = nlohmann::json::parse(bench.text());
  CHECK(judge.at("revision") == revision);
  REQUIRE(judge.at("filters").size() == 2);
  CHECK(judge["filters"][1].at("description") == full.description);
  CHECK(judge["filters"][1].at("type") == "FILTER_IP_ADDRESS");
  CHECK(judge["filters"][1].at("action") == "CAPTURE_RTP_HEADERS");
  CHECK(judge["filters"][1].at("expires_at_ns") == 5'000);
  FilterStore store = bench.open();
  CHECK(contents(store) == Model{{"full", full}, {"disabled", disabled}});
  CHECK(store.revision() > revision);
}

TEST_CASE("A filter without an id gets one, and what is wrong is refused and changes nothing", "[filter_store]") {
  Bench bench;
  FilterStore store = bench.open();
  const auto made = commit_one(store, {"", ip_filter("")});
  REQUIRE(made);
  CHECK_FALSE(made->id.empty());
  CHECK(made->after->id == made->id);
  const std::string saved = bench.text();

  fleet::Filter endpoint = ip_filter("m");
  endpoint.type = fleet::FilterType::kMediaEndpoint;
  fleet::Filter bad_text = ip_filter("t");
  bad_text.description = "\xff";
  fleet::Filter late = ip_filter("late");
  late.expires_at_ns = bench.now_ns;
  fleet::Filter bad_pattern = ip_filter("p");
  bad_pattern.pattern.clear();
  for (const fleet::Filter& wrong : {endpoint, bad_text, late, bad_pattern, ip_filter("not an id")}) {
    const auto result = commit_one(store, upsert(wrong));
    REQUIRE_FALSE(result);
    CHECK(result.error().code == Code::kInvalidArgument);
  }
  CHECK(commit_one(store, removal("nobody")).error().code == Code::kNotFound);
  CHECK(bench.text() == saved);
  CHECK(store.filters().size() == 1);
}

TEST_CASE("One bad change among several takes none of the others down", "[filter_store]") {
  Bench bench;
  FilterStore store = bench.open();
  const auto results = store.commit({upsert(ip_filter("a")), removal("b"), upsert(ip_filter("b"))});
  CHECK(results[0]);
  CHECK_FALSE(results[1]);
  CHECK(results[2]);
  CHECK(contents(store).size() == 2);
}

TEST_CASE("A table that would not fit into a message any more takes no further filter", "[filter_store]") {
  Bench bench;
  FilterStore store = bench.open();
  fleet::Filter large = ip_filter("a", std::vector<std::string>(FilterFile::kMostBytes / 2 / 60, std::string(60, 'x')));
  REQUIRE(commit_one(store, upsert(large)));
  REQUIRE(commit_one(store, upsert(large)));  // in its own place
  large.id = "b";
  const auto full = commit_one(store, upsert(large));
  REQUIRE_FALSE(full);
  CHECK(full.error().code == Code::kResourceExhausted);
  REQUIRE(commit_one(store, removal("a")));
  CHECK(commit_one(store, upsert(large)));
}

TEST_CASE("A damaged filter file is refused, and the place of the damage named", "[filter_store]") {
  Bench bench;
  const std::string good = R"({"id":"f1","type":"FILTER_IP_ADDRESS","pattern":"192.0.2.1","enabled":true})";
  bench.put("{\"filters\": [" + good + "]}");
  CHECK(bench.refusal() == "accepted");
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "line 1"},
      {"{\"filters\": [\n" + good + ",\n]}", "line 3"},
      {"[]", "not a JSON object"},
      {"{}", "no \"filters\""},
      {"{\"filters\": {}}", "\"filters\""},
      {"{\"filters\": [], \"revision\": -1}", "\"revision\""},
      {"{\"filters\": [], \"filter\": []}", "unknown key \"filter\""},
      {"{\"filters\": [" + good + "], \"filters\": []}", "\"filters\" comes twice"},
      {"{\"filters\": [" + good + "," + good + "]}", "filter number 2 (id \"f1\") has the id of another one"},
      {"{\"filters\": [7]}", "filter number 1 is not an object"},
      {R"({"filters": [{"id":"f2"}]})", "(id \"f2\") has no \"type\""},
      {R"({"filters": [{"id":"f2","type":"FILTER_IP_ADDRESS","pattern":"192.0.2.1"}]})", "has no \"enabled\""},
      {R"({"filters": [{"id":"f2","type":"FILTER_COLOUR"}]})", "\"type\""},
      {R"({"filters": [{"id":"f2","type":0}]})", "\"type\""},
      {R"({"filters": [{"id":"f2","enabld":true}]})", "unknown key \"enabld\""},
      {R"({"filters": [{"id":"f2","target_hunters":["h1",2]}]})", "\"target_hunters\""},
      {R"({"filters": [{"id":"f2","action":"CAPTURE_NONE"}]})", "\"action\""},
      {R"({"filters": [{"id":"f2","type":"FILTER_MEDIA_ENDPOINT","pattern":"192.0.2.1:1","enabled":true}]})",
       "FILTER_MEDIA_ENDPOINT"},
      {R"({"filters": [{"id":"f2","type":"FILTER_IP_ADDRESS","pattern":"","enabled":true}]})", "(id \"f2\") is wrong"},
      {"{\"filters\": [" + good + "]}\xff", "line 1"},
  };
  for (const auto& [text, place] : cases) {
    INFO(text);
    bench.put(text);
    CHECK_THAT(bench.refusal(), Catch::Contains(kPath) && Catch::Contains(place));
  }
}

TEST_CASE("A reload takes the edited file in one step, or leaves the table as it was", "[filter_store]") {
  Bench bench;
  FilterStore store = bench.open();
  for (const auto& result :
       store.commit({upsert(ip_filter("gone")), upsert(ip_filter("same")), upsert(ip_filter("new"))})) {
    REQUIRE(result);
  }
  const Model before = contents(store);
  const std::uint64_t revision = store.revision();
  const auto good = [](const std::string& id, const std::string& pattern) {
    return R"({"id":")" + id + R"(","type":"FILTER_IP_ADDRESS","pattern":")" + pattern + R"(","enabled":true})";
  };

  bench.put("{\"filters\": [" + good("same", "192.0.2.1") + "," + good("broken", "") + "]}");
  const auto refused = store.reload();
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().text, Catch::Contains("broken"));
  CHECK(contents(store) == before);

  bench.put("{\"filters\": [" + good("same", "192.0.2.1") + "," + good("new", "192.0.2.9") + "," +
            good("more", "192.0.2.10") + "]}");
  const auto changes = store.reload();
  REQUIRE(changes);
  CHECK(changes->size() == 3);
  for (const FilterChange& change : *changes) CHECK(change.revision == revision + 1);
  CHECK(contents(store) == Model{{"same", ip_filter("same")},
                                 {"new", ip_filter("new", {}, "192.0.2.9")},
                                 {"more", ip_filter("more", {}, "192.0.2.10")}});
  REQUIRE(store.save_rest());
  CHECK(nlohmann::json::parse(bench.text()).at("revision") == revision + 1);

  bench.put(R"({"revision": 500, "filters": []})");
  REQUIRE(store.reload());
  CHECK(store.revision() == 501);
  const auto nothing = store.reload();
  REQUIRE(nothing);
  CHECK(nothing->empty());
}

TEST_CASE("A file that is gone when it is to be read again does not empty the table", "[filter_store]") {
  Bench bench;
  FilterStore store = bench.open();
  CHECK(store.reload());  // nor is an empty table at fault
  REQUIRE(commit_one(store, upsert(ip_filter("a"))));
  bench.files.take_away(kPath);
  CHECK_FALSE(store.reload());
  CHECK(contents(store).size() == 1);
}

TEST_CASE("Expired filters are gone at once, even if the disk is full, and after a restart too", "[filter_store]") {
  Bench bench;
  fleet::Filter brief = ip_filter("brief");
  brief.expires_at_ns = 2'000;
  std::uint64_t revision = 0;
  {
    FilterStore store = bench.open();
    REQUIRE(commit_one(store, upsert(brief)));
    REQUIRE(commit_one(store, upsert(ip_filter("long"))));
    bench.now_ns = 1'999;
    CHECK(store.expire().empty());
    bench.now_ns = 2'000;
    bench.files.plan = {.error_at = 0, .errors = MemoryFileSystem::kNever, .error = ENOSPC};
    const auto changes = store.expire();
    REQUIRE(changes.size() == 1);
    CHECK(changes[0].id == "brief");
    CHECK_FALSE(changes[0].after);
    CHECK(contents(store).size() == 1);
    CHECK(store.save_rest().error().code == Code::kResourceExhausted);
    bench.files.plan = {};
    revision = store.revision();
    SECTION("saved when the disk has room again") {
      REQUIRE(store.save_rest());
      CHECK(bench.text().find("brief") == std::string::npos);
    }
    SECTION("or not at all") {
      CHECK(bench.text().find("brief") != std::string::npos);
    }
  }
  FilterStore store = bench.open();
  CHECK(contents(store).size() == 1);
  CHECK(store.revision() >= revision);
}

TEST_CASE("Two processors never share a table: the second is told, at its start or at its first change",
          "[filter_store]") {
  Bench bench;
  FilterStore first = bench.open();
  CHECK_THAT(bench.refusal(), Catch::Contains("in use by another processord"));
}

TEST_CASE(
    "Each call to the disk may fail: the change is refused with the path, the table stays, and the next one works",
    "[filter_store]") {
  for (std::uint64_t call = 0;; ++call) {
    Bench bench;
    FilterStore store = bench.open();
    REQUIRE(commit_one(store, upsert(ip_filter("a"))));
    const Model before = contents(store);
    const std::uint64_t revision = store.revision();
    bench.files.plan.error_at = bench.files.calls() + call;
    bench.files.plan.error = call % 2 == 0 ? EIO : ENOSPC;
    const std::uint64_t end = bench.files.calls();
    const auto result = commit_one(store, upsert(ip_filter("b")));
    const bool reached = bench.files.calls() - end > call;
    bench.files.plan = {};
    if (!result) {
      CHECK((result.error().code == Code::kUnavailable || result.error().code == Code::kResourceExhausted));
      CHECK_THAT(result.error().text, Catch::Contains(kPath));
      CHECK(contents(store) == before);
      REQUIRE(store.save_rest());
      CHECK(nlohmann::json::parse(bench.text()).at("filters").size() == 1);
      REQUIRE(commit_one(store, upsert(ip_filter("b"))));
      CHECK(store.revision() > revision + 1);
    }
    CHECK(contents(store).size() == 2);
    if (!reached) {
      CHECK(call > 5);
      break;
    }
  }
}

TEST_CASE("Random changes, kills and losses of power leave the table that was acknowledged, or the change under way",
          "[filter_store]") {
  constexpr int kLives = 300;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    Bench bench;
    Model model;
    std::uint64_t revision = 0;
    for (int life = 0; life < kLives; ++life) {
      FilterStore store = bench.open();
      CHECK(store.revision() >= revision);
      REQUIRE(contents(store) == model);
      revision = store.revision();
      bench.files.plan.crash_at = bench.files.calls() + random() % 60;
      bench.files.plan.error_at = bench.files.calls() + random() % 60;
      bench.files.plan.short_write_at = bench.files.calls() + random() % 60;
      std::vector<Model> possible = {model};  // on the disk
      try {
        for (int step = 0; step < 10; ++step) {
          std::vector<FilterEdit> edits;
          Model under_way = model;
          for (std::uint64_t n = random() % 3 + 1; n > 0; --n) {
            const std::string id = "f" + std::to_string(random() % 12);
            if (random() % 3 == 0) {
              if (under_way.erase(id) > 0) edits.push_back(removal(id));
            } else {
              fleet::Filter filter =
                  ip_filter(id, random() % 2 == 0 ? std::vector<std::string>{"h1"} : std::vector<std::string>());
              filter.enabled = random() % 2 == 0;
              filter.description = std::to_string(random());
              under_way[id] = filter;
              edits.push_back(upsert(filter));
            }
          }
          possible.push_back(under_way);
          bool all = true;
          for (const auto& result : store.commit(std::move(edits))) {
            all = all && result.ok();
            if (!result) continue;
            CHECK(result->revision > revision);
            revision = result->revision;
          }
          if (all) model = under_way;
          REQUIRE(contents(store) == model);
          if (store.save_rest()) possible = {model};
        }
      } catch (const MemoryFileSystem::Crash&) {
      }
      const bool power = random() % 2 == 0;
      if (power) {
        bench.files.after_power_loss(random());
      } else {
        bench.files.after_kill();
      }
      // What was not acknowledged may have come to the disk nevertheless.
      const Model found = contents(bench.open());
      REQUIRE(std::count(possible.begin(), possible.end(), found) > 0);
      model = found;
    }
  }
}
