#include "processord/engine/file_interfaces.h"

#include <catch2/catch.hpp>
#include <map>
#include <string>

#include "common/capture/capture_files.h"
#include "tests/support/temp_dir.h"

using namespace lc;
using namespace lc::processor;
using namespace lc::test;

namespace {

/// What a file was told, by id.
class HeardFile final : public capture::CaptureFile {
 public:
  HeardFile() : CaptureFile("", nullptr) {}

  Result<std::uint32_t> add_interface(const capture::CaptureInterface& interface) override {
    if (refuses) return Error{Code::kResourceExhausted, "full"};
    added.push_back(interface);
    return static_cast<std::uint32_t>(added.size() - 1);
  }
  Status write(const packet::Batch&, std::span<const std::uint32_t>) override { return {}; }
  Status write(const packet::Batch&, std::span<const std::uint32_t>, std::span<const std::uint32_t>) override {
    return {};
  }
  Status write(const packet::PacketView&, std::uint32_t) override { return {}; }
  void set_drops(std::uint32_t interface, std::uint64_t received, std::uint64_t dropped, std::int64_t) override {
    told[interface] = {received, dropped};
  }

  bool refuses = false;
  std::vector<capture::CaptureInterface> added;
  std::map<std::uint32_t, std::pair<std::uint64_t, std::uint64_t>> told;

 private:
  Status finish() override { return {}; }
};

struct Bench {
  Result<std::uint32_t> id_of(const std::string& hunter, std::string_view name, std::uint32_t link_type = 1) {
    return interfaces.id_of(hunter, {.index = 0, .link_type = link_type, .name = name}, file, reports);
  }

  std::map<std::string, InterfaceReport> known;  // by HUNTER/INTERFACE
  InterfaceReports reports = [this](std::string_view hunter, std::string_view name) {
    const auto found = known.find(std::string(hunter) + "/" + std::string(name));
    return found == known.end() ? InterfaceReport() : found->second;
  };
  HeardFile file;
  FileInterfaces interfaces;
};

using Told = std::map<std::uint32_t, std::pair<std::uint64_t, std::uint64_t>>;

}  // namespace

TEST_CASE("A file knows each interface of each hunter once, with the filter it captures with", "[file_interfaces]") {
  Bench bench;
  bench.known["a/eth0"] = {.filter = "udp"};
  for (int i = 0; i < 2; ++i) {
    CHECK(bench.id_of("a", "eth0").value() == 0);
    CHECK(bench.id_of("a", "eth1").value() == 1);
    CHECK(bench.id_of("b", "eth0").value() == 2);
    CHECK(bench.id_of("a", "eth0", 101).value() == 3);
  }
  REQUIRE(bench.file.added.size() == 4);
  CHECK(bench.file.added[0].filter == "udp");
  CHECK(bench.file.added[2].node == "b");
  CHECK(bench.file.added[2].filter.empty());
  CHECK(bench.file.added[3].link_type == 101);
}

TEST_CASE("An interface that the file could not take is tried again", "[file_interfaces]") {
  Bench bench;
  bench.file.refuses = true;
  CHECK_FALSE(bench.id_of("a", "eth0"));
  bench.file.refuses = false;
  CHECK(bench.id_of("a", "eth0").value() == 0);
}

TEST_CASE("A file is told the drops of its own time, not of the files before", "[file_interfaces]") {
  Bench bench;
  bench.known["a/eth0"].stats = fleet::InterfaceStats{"eth0", 1000, 50};
  bench.known["a/eth1"].stats = fleet::InterfaceStats{"eth1", 7, 0};
  REQUIRE(bench.id_of("a", "eth0"));
  REQUIRE(bench.id_of("a", "eth1"));
  REQUIRE(bench.id_of("silent", "eth0"));
  bench.known["a/eth0"].stats = fleet::InterfaceStats{"eth0", 1300, 53};
  bench.interfaces.tell_drops(bench.file, bench.reports);
  CHECK(bench.file.told == Told{{0, {303, 3}}, {1, {0, 0}}});
}

TEST_CASE("A file that has a new hunter's packets from the first is told of all that were dropped",
          "[file_interfaces]") {
  Bench bench;
  bench.known["a/eth0"] = {.is_new = true, .stats = fleet::InterfaceStats{"eth0", 10, 4}};
  REQUIRE(bench.id_of("a", "eth0"));
  bench.known["a/eth0"].stats = fleet::InterfaceStats{"eth0", 20, 5};
  bench.interfaces.tell_drops(bench.file, bench.reports);
  CHECK(bench.file.told == Told{{0, {25, 5}}});
}

TEST_CASE("A file is told nothing where counts of its begin and its end do not belong together", "[file_interfaces]") {
  Bench bench;
  for (const char* name : {"smaller", "epoch", "silent"}) {
    bench.known[std::string("a/") + name] = {.epoch = 7, .stats = fleet::InterfaceStats{name, 1000, 50}};
  }
  bench.known["a/silent"].stats.reset();  // a processor that began anew has not heard of it yet
  for (const char* name : {"smaller", "epoch", "silent"}) REQUIRE(bench.id_of("a", name));
  bench.known["a/smaller"].stats = fleet::InterfaceStats{"smaller", 999, 60};
  bench.known["a/epoch"] = {.epoch = 8, .stats = fleet::InterfaceStats{"epoch", 2000, 60}};
  bench.known["a/silent"].stats = fleet::InterfaceStats{"silent", 2000, 60};
  bench.interfaces.tell_drops(bench.file, bench.reports);
  CHECK(bench.file.told.empty());
}
