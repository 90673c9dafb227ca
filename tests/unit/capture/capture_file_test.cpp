#include "common/capture/capture_file.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cerrno>
#include <csignal>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/capture/capture_files.h"
#include "common/capture/pcap_writer.h"
#include "common/capture/pcapng_writer.h"
#include "tests/unit/capture/capture_judges.h"

using namespace lc;
using namespace lc::capture;
using namespace lc::capture::test;

namespace {

constexpr std::uint32_t kUser0 = 147;
constexpr std::array<std::uint32_t, 1> kFirst = {0};

/// What would be on the disk, and what goes wrong there.
struct Disk {
  std::string bytes;
  std::size_t capacity = SIZE_MAX;
  int sync_error = 0;
  bool truncate_fails = false;
  int calls = 0;  // of write
  /// For call n: -errno, 0, or the most bytes that it takes.
  std::function<long(int call)> plan = [](int) { return LONG_MAX; };
};

class TroubledOutput final : public FileOutput {
 public:
  explicit TroubledOutput(std::shared_ptr<Disk> disk) : disk_(std::move(disk)) {}

  ssize_t write(const std::uint8_t* data, std::size_t size, std::uint64_t offset) override {
    const long planned = disk_->plan(disk_->calls++);
    const std::size_t room = disk_->capacity - std::min<std::size_t>(disk_->capacity, offset);
    if (planned < 0 || (room == 0 && size > 0)) {
      errno = planned < 0 ? static_cast<int>(-planned) : ENOSPC;
      return -1;
    }
    const std::size_t count = std::min({size, room, static_cast<std::size_t>(planned)});
    disk_->bytes.resize(std::max<std::size_t>(disk_->bytes.size(), offset + count), '\xee');
    std::copy_n(data, count, disk_->bytes.begin() + static_cast<long>(offset));
    return static_cast<ssize_t>(count);
  }
  int truncate(std::uint64_t size) override {
    if (disk_->truncate_fails) {
      errno = EIO;
      return -1;
    }
    disk_->bytes.resize(size);
    return 0;
  }
  int sync() override {
    errno = disk_->sync_error;
    return disk_->sync_error == 0 ? 0 : -1;
  }

 private:
  std::shared_ptr<Disk> disk_;
};

template <typename Writer>
std::unique_ptr<CaptureFile> on(const std::shared_ptr<Disk>& disk) {
  return std::make_unique<Writer>("test", std::make_unique<TroubledOutput>(disk));
}

/// Calls until it works, as a processor does; what the file looked like after each failure goes to `seen`.
void insist(const Disk& disk, std::set<std::string>& seen, const std::function<Status()>& call) {
  for (int attempt = 0;; ++attempt) {
    REQUIRE(attempt < 5);
    if (call()) return;
    seen.insert(disk.bytes);
  }
}

/// A small capture in several writes; gives what the disk holds in the end.
template <typename Writer>
std::string write_through(const std::shared_ptr<Disk>& disk, std::set<std::string>& seen) {
  const auto file = on<Writer>(disk);
  insist(*disk, seen, [&] { return file->flush(); });
  REQUIRE(file->add_interface({"hunter", "eth0", kUser0, ""}));
  for (const StoredPacket& packet : random_packets(12, 40)) {
    REQUIRE(file->write(packet.view(), 0));
    insist(*disk, seen, [&] { return file->flush(); });
  }
  file->set_drops(0, 12, 0, 1);
  insist(*disk, seen, [&] { return file->close(); });
  return disk->bytes;
}

}  // namespace

TEMPLATE_TEST_CASE(
    "Whatever happens to any write, the file ends up byte for byte the same and never shows a torn record",
    "[capture_file]", PcapWriter, PcapngWriter) {
  std::set<std::string> seen;
  const auto healthy = std::make_shared<Disk>();
  const std::string expected = write_through<TestType>(healthy, seen);
  REQUIRE(seen.empty());

  struct Fault {
    std::vector<long> results;  // of this write and those that follow it
    bool truncate_fails;
  };
  const std::vector<Fault> faults = {{{-EINTR, -EINTR}, false},
                                     {{-ENOSPC}, false},
                                     {{-EIO, -EIO}, false},
                                     {{1}, false},
                                     {{1, 2, 3, -EINTR}, false},
                                     {{0}, false},
                                     {{7, -ENOSPC}, false},
                                     {{17, -EINTR, -EIO}, false},
                                     {{5, 0}, false}};
  for (int call = 0; call < healthy->calls; ++call) {
    for (const Fault& fault : faults) {
      const auto disk = std::make_shared<Disk>();
      disk->plan = [&](int n) {
        const auto index = static_cast<std::size_t>(n - call);
        return n >= call && index < fault.results.size() ? fault.results[index] : LONG_MAX;
      };
      REQUIRE(write_through<TestType>(disk, seen) == expected);
    }
    const auto stubborn = std::make_shared<Disk>();
    stubborn->truncate_fails = true;
    stubborn->plan = [&](int n) { return n == call ? 9L : n == call + 1 ? -EIO : LONG_MAX; };
    std::set<std::string> torn;
    REQUIRE(write_through<TestType>(stubborn, torn) == expected);
  }

  const TempDir dir;
  std::vector<std::string> paths;
  for (const std::string& bytes : seen) {
    if (bytes.empty()) continue;  // before the file's header is out
    paths.push_back(dir.file("seen-" + std::to_string(paths.size())));
    write_file(paths.back(), bytes);
  }
  REQUIRE(paths.size() > 10);
  capinfos_counts(paths);
}

TEMPLATE_TEST_CASE("A full disk refuses whole batches, holds a bounded rest and goes on when there is space",
                   "[capture_file]", PcapWriter, PcapngWriter) {
  const std::vector<StoredPacket> packets = random_packets(64, 1000);
  const packet::Batch batch = batch_of(packets, {kUser0});
  const auto disk = std::make_shared<Disk>();
  disk->capacity = 500'000;
  const auto file = on<TestType>(disk);
  REQUIRE(file->add_interface({"hunter", "eth0", kUser0, ""}));

  std::uint64_t taken = 0;
  Status status;
  for (; taken < 1000 && status; ++taken) status = file->write(batch, kFirst);
  --taken;
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Code::kResourceExhausted);
  CHECK_THAT(status.error().text, Catch::Contains("\"test\": No space left on device; free space"));
  CHECK_FALSE(file->write(batch, kFirst));
  CHECK_FALSE(file->flush());
  CHECK_FALSE(file->sync());
  CHECK_FALSE(file->close());
  CHECK(file->packets() == taken * packets.size());
  CHECK(file->size_bytes() <= disk->bytes.size() + 256 * 1024);

  disk->capacity = SIZE_MAX;
  REQUIRE(file->close());
  CHECK(file->size_bytes() == disk->bytes.size());

  const auto healthy = std::make_shared<Disk>();
  const auto same = on<TestType>(healthy);
  REQUIRE(same->add_interface({"hunter", "eth0", kUser0, ""}));
  for (std::uint64_t i = 0; i < taken; ++i) REQUIRE(same->write(batch, kFirst));
  REQUIRE(same->close());
  CHECK(disk->bytes == healthy->bytes);
}

TEMPLATE_TEST_CASE("A batch larger than the buffer is taken whole or not at all", "[capture_file]", PcapWriter,
                   PcapngWriter) {
  std::vector<StoredPacket> packets = random_packets(12, 10);
  for (StoredPacket& packet : packets) packet.bytes.append(60'000, 'z');
  for (StoredPacket& packet : packets) packet.original = static_cast<std::uint32_t>(packet.bytes.size());
  const packet::Batch batch = batch_of(packets, {kUser0});
  const auto disk = std::make_shared<Disk>();
  const auto file = on<TestType>(disk);
  REQUIRE(file->add_interface({"hunter", "eth0", kUser0, ""}));
  disk->capacity = 0;
  CHECK_FALSE(file->write(batch, kFirst));
  CHECK(file->packets() == 0);
  disk->capacity = SIZE_MAX;
  REQUIRE(file->write(batch, kFirst));
  disk->capacity = disk->bytes.size();
  CHECK_FALSE(file->write(batch, kFirst));
  CHECK(file->packets() == 12);
  disk->capacity = SIZE_MAX;
  REQUIRE(file->close());
  const TempDir dir;
  write_file(dir.file("large"), disk->bytes);
  CHECK(tshark_packets(dir.file("large")) == packets);
}

TEMPLATE_TEST_CASE("When the system cannot make packets durable, the file keeps what was and refuses the rest for good",
                   "[capture_file]", PcapWriter, PcapngWriter) {
  const std::vector<StoredPacket> packets = random_packets(20, 100);
  const auto disk = std::make_shared<Disk>();
  const auto file = on<TestType>(disk);
  REQUIRE(file->add_interface({"hunter", "eth0", kUser0, ""}));
  for (std::size_t i = 0; i < 10; ++i) REQUIRE(file->write(packets[i].view(), 0));
  REQUIRE(file->sync());
  const std::string durable = disk->bytes;
  disk->sync_error = EIO;
  REQUIRE(file->sync());  // nothing new: nothing to ask the system for
  for (std::size_t i = 10; i < 20; ++i) REQUIRE(file->write(packets[i].view(), 0));
  REQUIRE(file->flush());
  const Status lost = file->sync();
  REQUIRE_FALSE(lost);
  CHECK(lost.error().code == Code::kDataLoss);
  CHECK_THAT(lost.error().text, Catch::Contains("Input/output error"));
  CHECK(disk->bytes == durable);
  disk->sync_error = 0;  // a later good one would say nothing about the lost pages
  CHECK_FALSE(file->sync());
  CHECK_FALSE(file->flush());
  CHECK_FALSE(file->write(packets[0].view(), 0));
  CHECK_FALSE(file->close());
  CHECK(disk->bytes == durable);
  const TempDir dir;
  write_file(dir.file("durable"), durable);
  CHECK(capinfos_counts({dir.file("durable")}) == std::vector<std::uint64_t>{10});
}

TEST_CASE("A real file that may not grow further stays readable and goes on once it may", "[capture_file]") {
  const TempDir dir;
  const std::string path = dir.file("limited.pcap");
  Result<NewCaptureFile> created = create_capture_file(path);
  REQUIRE(created);
  CaptureFile& file = *created->file;
  REQUIRE(file.add_interface({"hunter", "eth0", kUser0, ""}));
  const std::vector<StoredPacket> packets = random_packets(64, 1000);
  const packet::Batch batch = batch_of(packets, {kUser0});

  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  rlimit small = before;
  small.rlim_cur = 300'001;
  struct sigaction ignored {};
  struct sigaction old_action {};
  ignored.sa_handler = SIG_IGN;
  ::sigaction(SIGXFSZ, &ignored, &old_action);
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  std::uint64_t taken = 0;
  Status status = file.write(batch, kFirst);
  for (; status && taken < 100; ++taken) status = file.write(batch, kFirst);
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::sigaction(SIGXFSZ, &old_action, nullptr);

  REQUIRE_FALSE(status);
  CHECK(status.error().code == Code::kResourceExhausted);
  CHECK(capinfos_counts({path})[0] < file.packets());
  REQUIRE(file.close());
  CHECK(capinfos_counts({path}) == std::vector<std::uint64_t>{file.packets()});
  CHECK(file.packets() % 64 == 0);
}

TEST_CASE("Readers see packets as soon as they are flushed", "[capture_file]") {
  const TempDir dir;
  for (const char* name : {"live.pcap", "live.pcapng"}) {
    const std::string path = dir.file(name);
    Result<NewCaptureFile> created = create_capture_file(path);
    REQUIRE(created);
    REQUIRE(created->file->add_interface({"hunter", "eth0", kUser0, ""}));
    const std::vector<StoredPacket> packets = random_packets(5, 100);
    for (const StoredPacket& packet : packets) REQUIRE(created->file->write(packet.view(), 0));
    REQUIRE(created->file->flush());
    CHECK(tshark_packets(path) == packets);
  }
}
