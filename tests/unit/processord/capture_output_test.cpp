#include "processord/engine/capture_output.h"

#include <catch2/catch.hpp>
#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/disk_faults.h"
#include "tests/support/numbered_packets.h"
#include "tests/unit/capture/capture_judges.h"

using namespace lc;
using namespace lc::processor;
using namespace lc::test;
using lc::capture::test::capinfos_counts;
using lc::capture::test::lines_of;
using lc::capture::test::TempDir;
using lc::capture::test::tshark_packets;

namespace {

std::unique_ptr<CaptureOutput> open_output(const std::string& path) {
  Result<std::unique_ptr<CaptureOutput>> output = CaptureOutput::open(path);
  REQUIRE(output);
  return std::move(*output);
}

std::string encapsulation(const std::string& path) {
  const auto told = capture::test::run("capinfos -E -T -r " + path);
  REQUIRE(told.status == 0);
  return told.text.substr(told.text.find('\t') + 1);
}

}  // namespace

TEST_CASE("A second link type goes into a pcap file of its own, named after it", "[capture_output]") {
  const TempDir dir;
  const auto output = open_output(dir.file("x.pcap"));
  const auto store = [&](std::uint32_t first, std::uint32_t count, std::uint32_t link_type) {
    const auto stored = output->write(make_batch({.first_number = first, .packets = count, .link_type = link_type}));
    REQUIRE(stored);
    CHECK(*stored == count);
  };
  store(0, 5, packet::kEthernet);
  store(5, 3, packet::kRaw);
  store(8, 2, packet::kRawDlt);  // an old peer's number for the same link type
  store(10, 4, packet::kEthernet);
  REQUIRE(output->close());
  CHECK(capinfos_counts({dir.file("x.pcap"), dir.file("x-RAW.pcap")}) == std::vector<std::uint64_t>{9, 5});
  CHECK_THAT(encapsulation(dir.file("x.pcap")), Catch::StartsWith("ether"));
  CHECK_THAT(encapsulation(dir.file("x-RAW.pcap")), Catch::StartsWith("rawip"));
  CHECK(std::distance(std::filesystem::directory_iterator(dir.path()), {}) == 2);
}

TEST_CASE("A pcapng file takes all link types, in order", "[capture_output]") {
  const TempDir dir;
  const auto output = open_output(dir.file("x.pcapng"));
  std::uint32_t next = 0;
  for (const std::uint32_t link_type : {1U, 101U, 276U, 1U, 147U}) {
    REQUIRE(output->write(make_batch({.first_number = next, .packets = 3, .link_type = link_type})));
    next += 3;
  }
  REQUIRE(output->close());
  const auto packets = tshark_packets(dir.file("x.pcapng"));
  REQUIRE(packets.size() == next);
  for (std::uint32_t i = 0; i < next; ++i) {
    CHECK(numbered_of(reinterpret_cast<const std::uint8_t*>(packets[i].bytes.data())).second == i);
    CHECK(packets[i].timestamp_ns == 1'700'000'000'000'000'000 + i);
  }
  CHECK(packets[0].interface == packets[9].interface);
  CHECK(packets[0].interface != packets[3].interface);
}

TEST_CASE("A link type that no file can hold is left out, and said so by the count", "[capture_output]") {
  const TempDir dir;
  for (const std::string name : {"x.pcap", "x.pcapng"}) {
    const auto output = open_output(dir.file(name));
    const auto refused = output->write(make_batch({.packets = 3, .link_type = 70'000}));
    REQUIRE(refused);
    CHECK(*refused == 0);
    REQUIRE(output->write(make_batch({.packets = 2})));
    REQUIRE(output->close());
    CHECK(capinfos_counts({dir.file(name)}) == std::vector<std::uint64_t>{2});
  }
}

TEST_CASE("An interface that comes while the disk is full loses no packet", "[capture_output]") {
  const TempDir dir;
  const std::string path = dir.file("x.pcapng");
  const auto output = open_output(path);
  std::uint32_t next = 0;
  const auto batch_of = [&](const std::string& hunter) {
    return make_batch({.hunter = hunter, .first_number = next, .packets = 1, .size = 70'000});
  };
  DiskFaults disk;
  disk.write_error = ENOSPC;
  // Fill the file's buffer, until it takes nothing more; then try with a hunter that the file does not know.
  for (;;) {
    const auto stored = output->write(batch_of("h1"));
    if (!stored) break;
    ++next;
    REQUIRE(next < 100);
  }
  std::uint64_t refusals = 0;
  for (int i = 0; i < 3000; ++i) {
    const auto stored = output->write(make_batch({.hunter = "hunter" + std::to_string(i), .first_number = next}));
    if (!stored) {
      CHECK(stored.error().code == Code::kResourceExhausted);
      ++refusals;
    } else {
      REQUIRE(*stored == 1);
      ++next;
    }
  }
  CHECK(refusals > 0);
  disk.write_error = 0;
  REQUIRE(output->write(make_batch({.hunter = "last", .first_number = next++})));
  REQUIRE(output->close());
  const auto numbers = stored_numbers(path);
  check_complete(numbers, 1, next);
}

TEST_CASE("What an earlier run wrote is kept under another name", "[capture_output]") {
  const TempDir dir;
  const std::string path = dir.file("x.pcap");
  for (const std::uint32_t count : {4U, 6U}) {
    const auto output = open_output(path);
    REQUIRE(output->write(make_batch({.packets = count})));
    REQUIRE(output->close());
  }
  CHECK(capinfos_counts({path}) == std::vector<std::uint64_t>{6});
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir.path())) {
    ++files;
    if (entry.path() != path) CHECK(capinfos_counts({entry.path()}) == std::vector<std::uint64_t>{4});
  }
  CHECK(files == 2);
}
