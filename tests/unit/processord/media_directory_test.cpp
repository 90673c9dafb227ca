#include "processord/engine/media_directory.h"

#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "common/filter/filter_set.h"
#include "tests/support/temp_dir.h"

using namespace lc;
using namespace lc::processor;
using namespace lc::test;
using namespace std::chrono_literals;

namespace {

using Ids = std::vector<std::string>;
constexpr std::int64_t kMinute = 60'000'000'000;

calls::Endpoint at(const std::string& text) {
  const auto endpoint = calls::parse_endpoint(text);
  REQUIRE(endpoint);
  return *endpoint;
}

FollowedMedia media(const std::string& call_id, const Ids& endpoints, const Ids& follows = {"alice"},
                    fleet::CaptureAction action = fleet::CaptureAction::kFull) {
  FollowedMedia media{.call_id = call_id, .action = action, .follows = follows};
  for (const std::string& text : endpoints) media.endpoints.push_back(at(text));
  return media;
}

/// A processor with one hunter that is told of its filters. It has a clock of its own.
struct Site {
  Site() {
    directory.set_spread([this](const std::vector<MediaNews>& news) { said.push_back(news); });
    subscription = table.board().subscribe(
        {.hunter_id = "h1", .takes_snapshots = true, .ready = [] {}, .closed = [](const Error&) {}});
  }
  ~Site() { table.board().unsubscribe(subscription); }

  /// What the hunter has been told, by address.
  std::map<std::string, fleet::Filter> told() {
    while (const auto update = table.board().next(*subscription)) {
      if (update->type == fleet::FilterUpdateType::kSnapshot) by_id.clear();
      if (update->type == fleet::FilterUpdateType::kDelete) by_id.erase(update->filter.id);
      std::vector<fleet::Filter> filters = update->snapshot;
      if (update->type == fleet::FilterUpdateType::kAdd || update->type == fleet::FilterUpdateType::kModify) {
        filters.push_back(update->filter);
      }
      for (const fleet::Filter& filter : filters) {
        CHECK(filter::check(filter).ok());
        CHECK(filter.enabled);
        CHECK(filter.type == fleet::FilterType::kMediaEndpoint);
        by_id[filter.id] = filter;
      }
      updates += filters.size();
      table.board().written(*subscription);
    }
    std::map<std::string, fleet::Filter> by_address;
    for (const auto& [id, filter] : by_id) by_address[filter.pattern] = filter;
    CHECK(by_address.size() == by_id.size());
    return by_address;
  }
  std::set<std::string> addresses() {
    std::set<std::string> addresses;
    for (const auto& [address, filter] : told()) addresses.insert(address);
    return addresses;
  }
  std::vector<MediaNews> last() const { return said.empty() ? std::vector<MediaNews>() : said.back(); }

  TempDir directory_of_files;
  RealFileSystem files{"filters"};
  FilterTable table{FilterFile::Settings{.path = directory_of_files.file("state/filters.json"), .exclusive = true},
                    files};
  std::int64_t now_ns = 1'700'000'000'000'000'000;
  MediaDirectory directory{table, [this] { return now_ns; }, [this] { return now_ns; }};
  std::vector<std::vector<MediaNews>> said;
  std::shared_ptr<FilterSubscription> subscription;
  std::map<std::string, fleet::Filter> by_id;
  std::size_t updates = 0;
};

const Ids kOne = {"10.0.0.1:4000", "10.0.0.1:4001"};
const Ids kTwo = {"10.0.0.1:4000", "[2001:db8::2]:5000"};

std::set<std::string> set_of(const Ids& ids) {
  return {ids.begin(), ids.end()};
}

}  // namespace

TEST_CASE("What one processor follows, the hunters of another are told, until it is over", "[media_directory]") {
  Site here, there;
  there.now_ns += 1'000 * kMinute;  // clocks differ
  here.directory.followed({media("c1", kOne)});
  REQUIRE(here.said.size() == 1);
  CHECK(there.directory.heard(here.last()));
  for (Site* const site : {&here, &there}) {
    const auto told = site->told();
    CHECK(site->addresses() == set_of(kOne));
    for (const auto& [address, filter] : told) {
      CHECK(filter.follows == Ids{"alice"});
      CHECK(filter.action == fleet::CaptureAction::kFull);
      CHECK(filter.expires_at_ns == site->now_ns + 10 * kMinute);
    }
  }
  here.directory.followed({media("c1", kTwo, {"alice", "bob"}, fleet::CaptureAction::kRtpHeaders)});
  CHECK(there.directory.heard(here.last()));
  CHECK(there.addresses() == set_of(kTwo));
  for (const auto& [address, filter] : there.told()) {
    CHECK(filter.follows == Ids{"alice", "bob"});
    CHECK(filter.action == fleet::CaptureAction::kRtpHeaders);
  }
  here.directory.followed({media("c1", {})});
  CHECK(there.directory.heard(here.last()));
  CHECK(here.addresses().empty());
  CHECK(there.addresses().empty());
  here.directory.followed({media("c1", {}, {})});
  here.directory.followed({media("c2", {})});
  CHECK(here.said.size() == 3);  // of what is over, and of what never was, there is nothing to say
}

TEST_CASE("What has not changed is not said again before half of its life is over", "[media_directory]") {
  Site site;
  site.directory.followed({media("c1", kOne)});
  site.now_ns += 4 * kMinute;
  site.directory.followed({media("c1", kOne)});
  CHECK(site.said.size() == 1);
  CHECK(site.addresses() == set_of(kOne));
  CHECK(site.updates == 2);

  site.now_ns += kMinute;
  site.directory.followed({media("c1", kOne)});
  CHECK(site.said.size() == 2);
  CHECK(site.last()[0].left == MediaNews::kLife);
  CHECK(site.told().at(kOne[0]).expires_at_ns == site.now_ns + 10 * kMinute);
}

TEST_CASE("What a change leaves as it was is not told to hunters again", "[media_directory]") {
  Site site;
  site.directory.followed({media("c1", {kOne[0]})});
  CHECK(site.addresses().size() == 1);
  site.now_ns += kMinute;
  site.directory.followed({media("c1", kOne)});
  CHECK(site.addresses() == set_of(kOne));
  CHECK(site.updates == 2);
}

TEST_CASE("Repeats, old news and the own word coming back are no news", "[media_directory]") {
  Site here, there, beyond;
  here.directory.followed({media("c1", kOne)});
  here.directory.followed({media("c1", kTwo)});
  REQUIRE(here.said.size() == 2);
  CHECK(there.directory.heard(here.said[1]));
  CHECK_FALSE(there.directory.heard(here.said[1]));
  CHECK_FALSE(there.directory.heard(here.said[0]));
  CHECK_FALSE(there.directory.heard(there.directory.known()));
  CHECK_FALSE(here.directory.heard(there.directory.known()));
  CHECK(there.addresses() == set_of(kTwo));
  CHECK(beyond.directory.heard(there.directory.known()));
  CHECK_FALSE(beyond.directory.heard(here.directory.known()));
  CHECK(beyond.addresses() == set_of(kTwo));
}

TEST_CASE("Who was away when a call ended does not bring it back to the others", "[media_directory]") {
  Site here, away, there;
  here.directory.followed({media("c1", kOne)});
  REQUIRE(away.directory.heard(here.last()));
  REQUIRE(there.directory.heard(here.last()));
  here.directory.followed({media("c1", {})});
  REQUIRE(there.directory.heard(here.last()));

  CHECK_FALSE(there.directory.heard(away.directory.known()));
  CHECK(there.addresses().empty());
  CHECK(away.directory.heard(there.directory.known()));
  CHECK(away.addresses().empty());

  // And when it has long been forgotten by all, there is nothing left of it.
  for (Site* const site : {&here, &away, &there}) {
    site->now_ns += 11 * kMinute;
    site->directory.tick();
    CHECK(site->directory.known().empty());
  }
}

TEST_CASE("What one processor withdraws stays as long as another one wants it", "[media_directory]") {
  Site here, there;
  there.directory.followed({media("c1", kOne, {"bob"}, fleet::CaptureAction::kRtpHeaders)});
  here.directory.followed({media("c1", kTwo, {"alice", "bob"})});
  REQUIRE(there.directory.heard(here.last()));
  auto told = there.told();
  CHECK(told.size() == 3);
  const fleet::Filter both = told.at(kOne[0]);
  CHECK(std::set<std::string>(both.follows.begin(), both.follows.end()) == std::set<std::string>{"alice", "bob"});
  CHECK(both.follows.size() == 2);
  CHECK(both.action == fleet::CaptureAction::kFull);
  CHECK(told.at(kOne[1]).action == fleet::CaptureAction::kRtpHeaders);
  CHECK(told.at(kTwo[1]).action == fleet::CaptureAction::kFull);

  here.directory.followed({media("c1", {})});
  REQUIRE(there.directory.heard(here.last()));
  told = there.told();
  CHECK(there.addresses() == set_of(kOne));
  CHECK(told.at(kOne[0]).follows == Ids{"bob"});
  CHECK(told.at(kOne[0]).action == fleet::CaptureAction::kRtpHeaders);
}

TEST_CASE("What nobody has said anew is gone after its time, also where it came late", "[media_directory]") {
  Site here, there, late;
  here.directory.followed({media("c1", kOne)});
  REQUIRE(there.directory.heard(here.last()));
  there.now_ns += 9 * kMinute;
  REQUIRE(late.directory.heard(there.directory.known()));
  CHECK(late.told().at(kOne[0]).expires_at_ns == late.now_ns + kMinute);
  late.directory.tick();
  CHECK(late.addresses() == set_of(kOne));
  late.now_ns += kMinute;
  CHECK(late.directory.known().empty());
  late.directory.tick();
  CHECK(late.addresses().empty());
}

TEST_CASE("A processor that began anew speaks for itself, and its former word expires", "[media_directory]") {
  Site there;
  {
    Site before;
    before.directory.followed({media("c1", kOne)});
    REQUIRE(there.directory.heard(before.last()));
  }
  Site again;
  again.directory.followed({media("c1", {kTwo[1]})});
  REQUIRE(there.directory.heard(again.last()));
  CHECK(there.addresses().size() == 3);
  there.now_ns += 9 * kMinute;
  again.now_ns += 9 * kMinute;
  again.directory.followed({media("c1", {kTwo[1]})});
  REQUIRE(there.directory.heard(again.last()));
  there.now_ns += 2 * kMinute;
  there.directory.tick();
  CHECK(there.addresses() == std::set<std::string>{kTwo[1]});
}

TEST_CASE("What others say takes bounded memory, and leaves what is followed here alone", "[media_directory]") {
  Site site;
  std::vector<MediaNews> flood;
  for (std::uint64_t i = 0; i < MediaDirectory::kMostForeign + 100; ++i) {
    flood.push_back({.origin = 7, .version = 1, .media = media("f" + std::to_string(i), {})});
  }
  CHECK(site.directory.heard(flood));
  CHECK_FALSE(site.directory.heard(flood));
  CHECK(site.directory.known().size() == MediaDirectory::kMostForeign);
  site.directory.followed({media("own", kOne)});
  CHECK(site.addresses() == set_of(kOne));
  site.now_ns += 11 * kMinute;
  site.directory.tick();
  CHECK(site.directory.heard(flood));  // there is room again
}

TEST_CASE("Of calls followed here, the ends of the last ones are remembered", "[media_directory]") {
  Site site;
  const std::size_t count = MediaDirectory::kMostOver + 10;
  for (std::size_t i = 0; i < count; ++i) {
    site.directory.followed({media("c" + std::to_string(i), {kOne[0]})});
    site.directory.followed({media("c" + std::to_string(i), {})});
  }
  CHECK(site.directory.known().size() == MediaDirectory::kMostOver);
  CHECK(site.addresses().empty());
  for (std::size_t i = 0; i < count; ++i) {
    site.directory.followed({media("again", kOne)});
    site.directory.followed({media("again", {})});
  }
  CHECK(site.directory.known().size() <= MediaDirectory::kMostOver);
  CHECK(site.addresses().empty());
}

TEST_CASE("Whatever threads say at once, hunters end with what is true", "[media_directory]") {
  Site here, one, other;
  one.directory.followed({media("c1", kOne)});
  other.directory.followed({media("c1", kTwo)});
  for (int i = 0; i < 200; ++i) {
    one.directory.followed({media("c1", {kOne[i % 2 == 0 ? 0U : 1U]})});
    other.directory.followed({media("c1", i % 3 == 0 ? Ids{} : kTwo)});
  }
  one.directory.followed({media("c1", {"10.9.9.9:1"})});
  other.directory.followed({media("c1", {"10.9.9.9:2"})});
  {
    const auto deliver = [&](const Site& site) {
      return std::jthread([&] {
        for (const auto& news : site.said) here.directory.heard(news);
      });
    };
    const auto first = deliver(one), second = deliver(other);
    for (int i = 0; i < 200; ++i) here.directory.followed({media("c1", i % 2 == 0 ? Ids{} : kOne)});
    here.directory.followed({media("c1", {"10.9.9.9:3"})});
  }
  CHECK(here.addresses() == std::set<std::string>{"10.9.9.9:1", "10.9.9.9:2", "10.9.9.9:3"});
}

TEST_CASE("A call of which its processor hears nothing any more is not over where its media flows",
          "[media_directory]") {
  Site here, there;
  here.directory.followed({media("c1", kOne)});
  REQUIRE(there.directory.heard(here.last()));
  here.directory.followed({{.call_id = "c1", .is_idle = true}});
  CHECK(here.addresses().empty());
  CHECK(here.said.size() == 1);
  for (int half_minutes = 0; half_minutes < 30; ++half_minutes) {
    there.now_ns += kMinute / 2;
    there.directory.saw(at("192.0.2.9:9000"), at(kOne[0]));
    there.directory.tick();
    REQUIRE(there.addresses() == set_of(kOne));
    for (const auto& [address, filter] : there.told()) REQUIRE(filter.expires_at_ns > there.now_ns);
  }
  there.now_ns += 2 * kMinute;
  there.directory.tick();
  CHECK(there.addresses().empty());
}

TEST_CASE("An end is an end, even where the media goes on", "[media_directory]") {
  Site here, there;
  here.directory.followed({media("c1", kOne)});
  REQUIRE(there.directory.heard(here.last()));
  there.directory.saw(at("192.0.2.9:9000"), at(kOne[0]));
  here.directory.followed({media("c1", {})});
  REQUIRE(there.directory.heard(here.last()));
  CHECK(there.addresses().empty());
}

TEST_CASE("Words of very many processors on one call are not all kept", "[media_directory]") {
  Site here;
  for (std::uint64_t origin = 1; origin <= MediaDirectory::kMostOrigins; ++origin) {
    REQUIRE(here.directory.heard({{.origin = origin, .version = 1, .media = media("c1", kOne)}}));
  }
  CHECK_FALSE(here.directory.heard({{.origin = 99, .version = 1, .media = media("c1", kOne)}}));
  CHECK(here.directory.heard({{.origin = 99, .version = 1, .media = media("c2", kOne)}}));
}
