#include "processord/engine/capture_output.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <tuple>
#include <vector>

#include "tests/support/disk_faults.h"
#include "tests/support/memory_file_system.h"
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

/// A directory for captures, another for their journal, and its one output at a time.
struct Place {
  CaptureOutput& open(const std::string& name) {
    path = dir.file(name);
    output.reset();
    Result<std::unique_ptr<CaptureOutput>> opened =
        CaptureOutput::open({.path = path}, journal, SyncPolicy::kInterval, {.closed = [](const std::string&) {}});
    REQUIRE(opened);
    output = std::move(*opened);
    return *output;
  }
  void close() {
    REQUIRE(output->commit({}));
    REQUIRE(output->close());
  }
  [[nodiscard]] std::vector<std::string> files() const {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(dir.path())) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
  }

  const TempDir dir;
  const TempDir state;
  RealFileSystem file_system{"journal"};
  Journal journal{{.directory = state.file("")}, file_system};
  std::string path;
  std::unique_ptr<CaptureOutput> output;
};

std::string encapsulation(const std::string& path) {
  const auto told = capture::test::run("capinfos -E -T -r " + path);
  REQUIRE(told.status == 0);
  return told.text.substr(told.text.find('\t') + 1);
}

}  // namespace

TEST_CASE("A second link type goes into a pcap file of its own, named after it", "[capture_output]") {
  Place place;
  CaptureOutput& output = place.open("x.pcap");
  const auto store = [&](std::uint32_t first, std::uint32_t count, std::uint32_t link_type) {
    const auto stored = output.write(make_batch({.first_number = first, .packets = count, .link_type = link_type}));
    REQUIRE(stored);
    CHECK(stored->stored == count);
  };
  store(0, 5, packet::kEthernet);
  store(5, 3, packet::kRaw);
  store(8, 2, packet::kRawDlt);  // an old peer's number for the same link type
  store(10, 4, packet::kEthernet);
  place.close();
  CHECK(capinfos_counts({place.dir.file("x.pcap"), place.dir.file("x-RAW.pcap")}) == std::vector<std::uint64_t>{9, 5});
  CHECK_THAT(encapsulation(place.dir.file("x.pcap")), Catch::StartsWith("ether"));
  CHECK_THAT(encapsulation(place.dir.file("x-RAW.pcap")), Catch::StartsWith("rawip"));
  CHECK(std::distance(std::filesystem::directory_iterator(place.dir.path()), {}) == 2);
}

TEST_CASE("A pcapng file takes all link types, in order", "[capture_output]") {
  Place place;
  CaptureOutput& output = place.open("x.pcapng");
  std::uint32_t next = 0;
  for (const std::uint32_t link_type : {1U, 101U, 276U, 1U, 147U}) {
    REQUIRE(output.write(make_batch({.first_number = next, .packets = 3, .link_type = link_type})));
    next += 3;
  }
  place.close();
  const auto packets = tshark_packets(place.dir.file("x.pcapng"));
  REQUIRE(packets.size() == next);
  for (std::uint32_t i = 0; i < next; ++i) {
    CHECK(numbered_of(reinterpret_cast<const std::uint8_t*>(packets[i].bytes.data())).second == i);
    CHECK(packets[i].timestamp_ns == 1'700'000'000'000'000'000 + i);
  }
  CHECK(packets[0].interface == packets[9].interface);
  CHECK(packets[0].interface != packets[3].interface);
}

TEST_CASE("A link type that no file can hold is left out, and said so by the count", "[capture_output]") {
  Place place;
  for (const std::string name : {"x.pcap", "x.pcapng"}) {
    CaptureOutput& output = place.open(name);
    const auto refused = output.write(make_batch({.packets = 3, .link_type = 70'000}));
    REQUIRE(refused);
    CHECK(refused->stored == 0);
    REQUIRE(output.write(make_batch({.packets = 2})));
    place.close();
    CHECK(capinfos_counts({place.dir.file(name)}) == std::vector<std::uint64_t>{2});
  }
}

TEST_CASE("An interface that comes while the disk is full loses no packet", "[capture_output]") {
  Place place;
  CaptureOutput& output = place.open("x.pcapng");
  std::uint32_t next = 0;
  const auto batch_of = [&](const std::string& hunter) {
    return make_batch({.hunter = hunter, .first_number = next, .packets = 1, .size = 70'000});
  };
  DiskFaults disk;
  disk.write_error = ENOSPC;
  // Fill the file's buffer, until it takes nothing more; then try with a hunter that the file does not know.
  for (;;) {
    const auto stored = output.write(batch_of("h1"));
    if (!stored) break;
    ++next;
    REQUIRE(next < 100);
  }
  std::uint64_t refusals = 0;
  for (int i = 0; i < 3000; ++i) {
    const auto stored = output.write(make_batch({.hunter = "hunter" + std::to_string(i), .first_number = next}));
    if (!stored) {
      CHECK(stored.error().code == Code::kResourceExhausted);
      ++refusals;
    } else {
      REQUIRE(stored->stored == 1);
      ++next;
    }
  }
  CHECK(refusals > 0);
  disk.write_error = 0;
  REQUIRE(output.write(make_batch({.hunter = "last", .first_number = next++})));
  place.close();
  const auto numbers = stored_numbers(place.path);
  check_complete(numbers, 1, next);
}

TEST_CASE("What an earlier run wrote is kept under another name", "[capture_output]") {
  Place place;
  for (const std::uint32_t count : {4U, 6U}) {
    CaptureOutput& output = place.open("x.pcap");
    REQUIRE(output.write(make_batch({.packets = count})));
    place.close();
  }
  CHECK(place.files().size() == 2);
  CHECK(place.files().back() == place.path);
  CHECK(capinfos_counts(place.files()) == std::vector<std::uint64_t>{4, 6});
}

TEST_CASE("Wherever a processor is killed, each packet is in its files once and in order when the next one is done",
          "[capture_output]") {
  const std::string suffix = GENERATE(std::string("pcap"), std::string("pcapng"));
  const SyncPolicy policy = GENERATE(SyncPolicy::kInterval, SyncPolicy::kNever);
  const bool rotating = GENERATE(false, true);
  constexpr std::uint64_t kBatches = 13;
  constexpr std::uint32_t kPackets = 3;
  // Of every three batches the last is another sender's, and of another link type where libpcap reads that.
  const std::uint32_t odd_type = suffix == "pcap" ? packet::kRaw : packet::kEthernet;
  // One hunter's batches from where the journal says on. True when
  // this life came to its end: it may die at a call of the journal's, or before a step of its own.
  bool writing = false;
  const auto live = [&](const std::string& path, lc::test::MemoryFileSystem& disk, std::uint64_t steps) {
    const auto killed = [&] { return steps-- == 0; };
    writing = true;
    try {
      Journal journal({.directory = "/state", .sync = policy != SyncPolicy::kNever, .rewrite_bytes = 700}, disk);
      CaptureTarget target{.path = path};
      if (rotating) {
        target = {.directory = std::filesystem::path(path).parent_path(),
                  .format = *capture::capture_format(path),
                  .size_bytes = 1'500};
      }
      const auto opened = CaptureOutput::open(target, journal, policy, {.closed = [](const std::string&) {}});
      REQUIRE(opened);
      CaptureOutput& output = **opened;
      std::uint64_t stored = journal.positions().empty() ? 0 : journal.positions()[0].sequence;
      for (std::uint64_t sequence = stored + 1; sequence <= kBatches; ++sequence) {
        const bool odd_one = sequence % 3 == 0;
        const std::uint64_t before = odd_one ? sequence / 3 - 1 : sequence - 1 - sequence / 3;
        if (killed()) return false;
        const auto wrote =
            output.write(make_batch({.sequence = sequence,
                                     .sender = odd_one ? 2U : 1U,
                                     .first_number = static_cast<std::uint32_t>(before) * kPackets,
                                     .packets = kPackets,
                                     .link_type = odd_one ? odd_type : std::uint32_t{packet::kEthernet}}));
        REQUIRE(wrote);
        if (killed()) return false;
        if (sequence % 2 == 0) REQUIRE(output.flush());
        if (killed()) return false;
        Status committed;
        if (sequence % 4 == 0 || sequence == kBatches) committed = output.commit({{"h1", 7, sequence}});
        REQUIRE(committed);
        if (sequence % 4 == 0 && output.rotation_at()) {
          if (killed()) return false;
          writing = false;
          const Status closed = output.close();
          REQUIRE(closed);
          writing = true;
        }
      }
      if (killed()) return false;
      writing = false;
      const Status closed = output.close();
      REQUIRE(closed);
      return true;
    } catch (const lc::test::MemoryFileSystem::Crash&) {
      return false;
    }
  };
  const auto check = [&](bool at_call, std::uint64_t point) {
    const TempDir dir;
    const std::string path = dir.file("x." + suffix);
    lc::test::MemoryFileSystem disk;
    if (at_call) disk.plan.crash_at = point;
    const bool lived = live(path, disk, at_call ? ~std::uint64_t{0} : point);
    disk.after_kill();
    for (const auto& entry : std::filesystem::directory_iterator(dir.path())) {
      const bool is_open = entry.path() == path || entry.path().extension() == ".part";
      if (!writing || !is_open || entry.file_size() == 0) continue;
      std::ofstream(entry.path(), std::ios::app) << "the beginning of a record that was being written";
    }
    INFO((at_call ? "journal call " : "step ") << point << " of " << suffix);
    REQUIRE(live(path, disk, ~std::uint64_t{0}));
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(dir.path())) files.push_back(entry.path());
    std::sort(files.begin(), files.end(), [&](const std::string& a, const std::string& b) {
      const auto ended = [&](const std::string& file) {
        return rotating ? std::filesystem::last_write_time(file) : std::filesystem::file_time_type();
      };
      return std::tuple(ended(a), a) < std::tuple(ended(b), b);
    });
    std::vector<Numbered> numbers;
    for (const std::string& file : files) {
      CHECK_FALSE(file.ends_with(".part"));
      if (std::filesystem::file_size(file) < kPackets * std::size_t{60})
        continue;  // headers; libpcap wants an interface
      const auto more = stored_numbers(file);
      numbers.insert(numbers.end(), more.begin(), more.end());
    }
    check_complete(numbers, 1, (kBatches - kBatches / 3) * kPackets);
    check_complete(numbers, 2, kBatches / 3 * kPackets);
    return lived;
  };
  for (std::uint64_t call = 0; !check(true, call); ++call) continue;
  for (std::uint64_t step = 0; !check(false, step); ++step) continue;
}
