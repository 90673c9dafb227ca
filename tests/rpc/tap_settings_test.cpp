// tapd's table is that of both roles, and its own conflicts are named.
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <vector>

#include "hunterd/settings.h"
#include "processord/service/settings.h"
#include "tapd/settings.h"

using namespace lc;

namespace {

struct Read {
  tap::TapSettings tap;
  std::vector<std::string> faults;
};

Read read(std::vector<std::string> arguments) {
  config::Sources sources;
  sources.arguments = std::move(arguments);
  config::Loaded loaded = config::load(tap::program(), sources);
  Read read;
  for (const config::Fault& fault : loaded.faults) read.faults.push_back(fault.text);
  read.tap = tap::read_settings(loaded.settings, read.faults);
  return read;
}

std::set<std::string> names_of(const std::vector<config::Option>& rows) {
  std::set<std::string> names;
  for (const config::Option& row : rows) names.insert(row.name);
  return names;
}

}  // namespace

TEST_CASE("tapd has every option of processord, and of hunterd all but those of its way to a processor",
          "[tap_settings]") {
  REQUIRE_NOTHROW(config::check_table(tap::program()));
  const std::set<std::string> tap = names_of(tap::program().options);
  for (const std::string& name : names_of(processor::options("processord"))) CHECK(tap.contains(name));
  std::set<std::string> missing;
  for (const std::string& name : names_of(hunter::program().options)) {
    if (!tap.contains(name)) missing.insert(name);
  }
  // Its max-reconnect-attempts and spool are those of processord, for --upstream.
  CHECK(missing == std::set<std::string>{"processor", "window"});
}

TEST_CASE("All keys of tapd are in the file's section tap", "[tap_settings]") {
  for (const config::Option& row : tap::program().options) {
    INFO(row.yaml);
    CHECK((row.yaml.empty() || row.yaml.starts_with("tap.") || row.yaml.starts_with("tls.") ||
           row.yaml.starts_with("log.")));
  }
}

TEST_CASE("Options of both roles have their effect in tapd", "[tap_settings]") {
  const Read given = read({"--listen",
                           "127.0.0.1:5",
                           "--write-file",
                           "a.pcapng",
                           "--sync",
                           "always",
                           "--max-hunters",
                           "7",
                           "--interface",
                           "eth0,b.pcap",
                           "--filter",
                           "udp",
                           "--batch-size",
                           "9",
                           "--buffer-size",
                           "11",
                           "--no-filter-policy",
                           "none",
                           "--hunter-id",
                           "h",
                           "--processor-id",
                           "p",
                           "--sip-user",
                           "alice,bob",
                           "--loop",
                           "3",
                           "--stats=false",
                           "--state-dir",
                           "/s"});
  CHECK(given.faults.empty());
  CHECK(given.tap.processor.listen == "127.0.0.1:5");
  CHECK(given.tap.processor.engine.write_file == "a.pcapng");
  CHECK(given.tap.processor.engine.sync == processor::SyncPolicy::kAlways);
  CHECK(given.tap.processor.engine.max_hunters == 7);
  CHECK(given.tap.processor.engine.processor_id == "p");
  CHECK_FALSE(given.tap.processor.stats);
  CHECK(given.tap.capture.interfaces == std::vector<std::string>{"eth0", "b.pcap"});
  CHECK(given.tap.capture.source.live.filter == "udp");
  CHECK(given.tap.capture.source.file.loop == 3);
  CHECK(given.tap.capture.batch.packets == 9);
  CHECK(given.tap.capture.queue_packets == 11);
  CHECK(given.tap.capture.no_filter_policy == calls::NoFilterPolicy::kNone);
  CHECK(given.tap.hunter_id == "h");
  CHECK(given.tap.sip_users == std::vector<std::string>{"alice", "bob"});
}

TEST_CASE("tapd with nothing but an interface serves loopback; an address that plaintext may not use is refused",
          "[tap_settings]") {
  const Read alone = read({"--interface", "eth0"});
  CHECK(alone.faults.empty());
  CHECK(alone.tap.processor.listen == "127.0.0.1:55555");
  CHECK_FALSE(alone.tap.hunter_id.empty());
  CHECK_THAT(alone.tap.processor.engine.state_dir, Catch::Contains("/tapd-"));

  CHECK(read({"--insecure"}).tap.processor.listen == ":55555");
  const Read wide = read({"--listen", ":55555"});
  REQUIRE(wide.faults.size() == 1);
  CHECK_THAT(wide.faults[0], Catch::Contains("--insecure"));
}

TEST_CASE("Faults of both roles and of SIP users are named together", "[tap_settings]") {
  const Read wrong = read({"--filter", "udp port (", "--write-file", "a.txt", "--hunter-id", "a b", "--processor-id",
                           "c/d", "--sip-user", "a\tb"});
  const auto named = [&](const std::string& word) {
    return std::count_if(wrong.faults.begin(), wrong.faults.end(),
                         [&](const std::string& fault) { return fault.find(word) != std::string::npos; });
  };
  CHECK(named("udp port (") == 1);
  CHECK(named("a.txt") == 1);
  CHECK(named("--hunter-id") == 1);
  CHECK(named("--processor-id") == 1);
  CHECK(named("--sip-user") == 1);
  const Read upstream = read({"--processor", "127.0.0.1:1"});
  REQUIRE(upstream.faults.size() == 1);
  CHECK_THAT(upstream.faults[0], Catch::Contains("--processor"));
}
