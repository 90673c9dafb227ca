#include "processord/engine/retention.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "processord/engine/call_file_name.h"
#include "tests/support/temp_dir.h"

using namespace lc;
using namespace lc::processor;
using namespace std::chrono_literals;
using lc::test::TempDir;

namespace {

constexpr std::uint64_t kBlock = 4096;

/// A directory of files whose age is told, in seconds.
struct Folder {
  void make(const std::string& name, int age_s, std::uint64_t blocks = 1) const {
    std::ofstream(dir.file(name)) << std::string(blocks * kBlock, 'x');
    const std::int64_t seconds = wall_ns() / 1'000'000'000 - age_s;
    const timespec times[2] = {{seconds, 0}, {seconds, 0}};
    REQUIRE(::utimensat(AT_FDCWD, dir.file(name).c_str(), times, 0) == 0);
  }
  [[nodiscard]] std::set<std::string> names() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(dir.path())) names.insert(entry.path().filename());
    return names;
  }
  std::uint64_t sweep(Retention::Limits limits) const {
    Retention retention({{dir.path().string(), Retention::is_named_by_time}}, limits);
    retention.sweep();
    return retention.removed();
  }

  const TempDir dir;
};

using Names = std::set<std::string>;

std::string name(int number, const std::string& suffix = ".pcapng") {
  return "20261123T0000" + std::to_string(10 + number) + "Z" + suffix;
}

}  // namespace

TEST_CASE("Files beyond their age go, and never the newest", "[retention]") {
  const Folder folder;
  folder.make(name(1), 5000);
  folder.make(name(2, "-RAW.pcap"), 4000);
  folder.make(name(3), 3000);
  CHECK(folder.sweep({.age = 3500s}) == 2);
  CHECK(folder.names() == Names{name(3)});
  CHECK(folder.sweep({.age = 1s}) == 0);
  CHECK(folder.names() == Names{name(3)});
}

TEST_CASE("Of too many bytes the oldest go, and what is open counts but stays", "[retention]") {
  const Folder folder;
  for (int i = 1; i <= 5; ++i) folder.make(name(i), 1000 - i, 2);
  folder.make(name(6, ".pcapng.part"), 2000, 3);
  CHECK(folder.sweep({.bytes = 13 * kBlock}) == 0);
  CHECK(folder.sweep({.bytes = 13 * kBlock - 1}) == 1);
  CHECK_FALSE(folder.names().contains(name(1)));
  CHECK(folder.sweep({.bytes = 1}) == 3);
  CHECK(folder.names() == Names{name(5), name(6, ".pcapng.part")});
}

TEST_CASE("When the filesystem has too little left, all but the newest go", "[retention]") {
  const Folder folder;
  for (int i = 1; i <= 3; ++i) folder.make(name(i), 1000 - i);
  struct statvfs about {};
  REQUIRE(::statvfs(folder.dir.path().c_str(), &about) == 0);
  CHECK(folder.sweep({.free_bytes = 1}) == 0);
  CHECK(folder.sweep({.free_bytes = std::uint64_t{about.f_blocks} * about.f_frsize + 1}) == 2);
  CHECK(folder.names() == Names{name(3)});
}

TEST_CASE("What is not named as our files are is never touched", "[retention]") {
  const Folder folder;
  const Names others = {"capture.pcapng", "20261123T000001.pcap", "20261123T000001Z.txt", "20261123-000001Z.pcap",
                        "notes",          name(2, ".pcap.bak"),   "x" + name(1)};
  for (const std::string& other : others) folder.make(other, 100'000, 10);
  std::filesystem::create_directory(folder.dir.file(name(3)));
  std::filesystem::create_symlink("/etc/passwd", folder.dir.file(name(4)));
  folder.make(name(5), 50);
  CHECK(folder.sweep({.bytes = 1, .age = 1s, .free_bytes = ~std::uint64_t{0} >> 1}) == 0);
  CHECK(folder.names().size() == others.size() + 3);
}

TEST_CASE("Files of calls and others are kept within the same limits, and what no pattern knows stays", "[retention]") {
  const Folder rest;
  const Folder calls;
  const CallFileName pattern;
  const auto call_file = [](int number, const std::string& suffix = ".pcapng") {
    return "20261123T0000" + std::to_string(10 + number) + "Z_c" + std::to_string(number) + suffix;
  };
  for (int i = 1; i <= 3; ++i) {
    rest.make(name(i), 1000 - 2 * i, 2);
    calls.make(call_file(i), 999 - 2 * i, 2);  // the newest is the last of these
  }
  calls.make(call_file(9, ".pcapng.part"), 5000, 2);
  calls.make("report.pcapng", 5000, 50);
  Retention retention({{rest.dir.path().string(), Retention::is_named_by_time},
                       {calls.dir.path().string(), [&](std::string_view file) { return pattern.matches(file); }}},
                      {.bytes = 9 * kBlock});
  retention.sweep();
  CHECK(retention.removed() == 3);
  CHECK(rest.names() == Names{name(3)});
  CHECK(calls.names() == Names{call_file(2), call_file(3), call_file(9, ".pcapng.part"), "report.pcapng"});
}

TEST_CASE("Whatever comes, what is kept is the newest of all and as much as may be", "[retention]") {
  std::mt19937 random(Catch::rngSeed());
  const Folder folder;
  std::map<int, std::uint64_t> model;  // by number, which is its age reversed: blocks
  for (int step = 0; step < 200; ++step) {
    const std::uint64_t blocks = 1 + random() % 5;
    folder.make("20261123T000000Z_" + std::to_string(step) + ".pcap", 10'000 - step, blocks);
    model[step] = blocks;
    if (random() % 3 != 0) continue;
    const std::uint64_t most = 5 + random() % 30;
    folder.sweep({.bytes = most * kBlock});
    std::uint64_t total = 0;
    for (const auto& [number, size] : model) total += size;
    while (model.size() > 1 && total > most) {
      total -= model.begin()->second;
      model.erase(model.begin());
    }
    Names expected;
    for (const auto& [number, size] : model) expected.insert("20261123T000000Z_" + std::to_string(number) + ".pcap");
    REQUIRE(folder.names() == expected);
  }
}

TEST_CASE("A closed file is noticed at once, and a directory that is gone harms nobody", "[retention]") {
  const Folder folder;
  Retention retention({{folder.dir.path().string(), Retention::is_named_by_time}}, {.bytes = 1});
  retention.start();
  folder.make(name(1), 100);
  folder.make(name(2), 50);
  retention.file_closed();
  for (const auto end = Clock::now() + 5s; Clock::now() < end && retention.removed() == 0;) std::this_thread::yield();
  CHECK(retention.removed() == 1);
  retention.stop();
  Retention nowhere({{folder.dir.file("nowhere"), Retention::is_named_by_time}}, {.bytes = 1});
  nowhere.sweep();
  CHECK(nowhere.removed() == 0);
}
