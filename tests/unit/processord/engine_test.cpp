#include "processord/engine/engine.h"

#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "common/base/exit_code.h"
#include "processord/engine/stats_line.h"
#include "tests/support/described_hunter.h"
#include "tests/support/disk_faults.h"
#include "tests/support/numbered_packets.h"
#include "tests/support/recording_peer.h"
#include "tests/unit/capture/capture_judges.h"

using namespace lc;
using namespace lc::processor;
using namespace lc::test;
using lc::capture::test::capinfos_counts;
using lc::capture::test::TempDir;

namespace {

const TimeSource kTime;

EngineSettings settings(const std::string& write_file, SyncPolicy sync = SyncPolicy::kNever) {
  EngineSettings settings;
  settings.processor_id = "p1";
  settings.write_file = write_file;
  settings.state_dir = write_file + ".state";
  settings.sync = sync;
  return settings;
}

/// A hunter and its stream to the engine: numbers packets and batches, and sends again what is not acknowledged.
class Sender {
 public:
  Sender(Engine& engine, std::string id, std::uint32_t number, std::uint32_t packets_per_batch, std::size_t size)
      : engine_(engine), id_(std::move(id)), number_(number), packets_(packets_per_batch), size_(size) {}

  void connect() {
    const auto answer = engine_.register_hunter(described_hunter(id_), "192.0.2.1:1");
    if (!answer) throw std::runtime_error(answer.error().text);
    next_ = answer->resume_after + 1;
    peer = std::make_shared<RecordingPeer>();
    ingest_ = {};
  }
  void disconnect() {
    if (ingest_.hunter) engine_.detach(ingest_, peer.get());
    ingest_ = {};
  }
  /// The next batch; false when the stream is over.
  bool send() {
    packet::Batch batch = make_batch({.hunter = id_,
                                      .epoch = 7,
                                      .sequence = next_,
                                      .sender = number_,
                                      .first_number = static_cast<std::uint32_t>(next_ - 1) * packets_,
                                      .packets = packets_,
                                      .size = size_});
    if (!ingest_.hunter) {
      const Result<Ingest> ingest = engine_.attach(batch.header(), peer);
      if (!ingest) throw std::runtime_error(ingest.error().text);
      ingest_ = *ingest;
    }
    const Result<Engine::Verdict> verdict = engine_.accept(ingest_, std::move(batch));
    if (!verdict) return false;
    ++next_;
    if (*verdict == Engine::Verdict::kGoOn) return true;
    ++holds;
    return peer->take_resume();
  }
  /// Sends up to this batch, however often the stream breaks, until all is acknowledged.
  void deliver(std::uint64_t last) {
    for (int attempt = 0; attempt < 1000; ++attempt) {
      connect();
      bool open = true;
      while (open && next_ <= last) open = send();
      if (!ingest_.hunter) send();  // everything was stored already: a stream must say who it is to be told so
      open = open && peer->wait([&] { return acknowledged() >= last; });
      disconnect();
      if (open) return;
    }
    throw std::runtime_error(id_ + " got no acknowledgement");
  }
  [[nodiscard]] std::uint64_t acknowledged() const { return engine_.control(ingest_).acknowledged; }

  std::shared_ptr<RecordingPeer> peer;
  int holds = 0;

 private:
  Engine& engine_;
  const std::string id_;
  const std::uint32_t number_;
  const std::uint32_t packets_;
  const std::size_t size_;
  std::uint64_t next_ = 1;
  Ingest ingest_;
};

/// A filesystem of 4 MiB, while it lives.
struct SmallDisk {
  explicit SmallDisk(const std::filesystem::path& at)
      : path(at), mounted(::mount("tmpfs", at.c_str(), "tmpfs", 0, "size=4m") == 0) {}
  ~SmallDisk() {
    if (mounted) ::umount2(path.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  const std::filesystem::path path;
  const bool mounted;
};

void check_balance(const Engine& engine) {
  const Engine::Statistics s = engine.statistics();
  std::uint64_t dropped = 0;
  for (const std::uint64_t count : s.dropped) dropped += count;
  INFO("received " << s.received << " stored " << s.stored << " live_only " << s.live_only << " in_flight "
                   << s.in_flight << " dropped " << dropped);
  CHECK(s.received == s.stored + s.live_only + s.in_flight + dropped);
}

}  // namespace

TEST_CASE("A batch is acknowledged when it is in the file, and not before", "[engine]") {
  const SyncPolicy sync = GENERATE(SyncPolicy::kInterval, SyncPolicy::kAlways, SyncPolicy::kNever);
  const TempDir dir;
  Engine engine(settings(dir.file("x.pcap"), sync), kTime);
  DiskFaults disk;
  disk.write_error = EIO;
  engine.start();
  Sender sender(engine, "h1", 1, 4, 100);
  sender.connect();
  REQUIRE(sender.send());
  REQUIRE(sender.send());
  while (disk.failed_writes < 2) std::this_thread::yield();
  CHECK(sender.acknowledged() == 0);
  CHECK(engine.statistics().in_flight == 8);
  CHECK(engine.status().first == fleet::ProcessorStatus::kError);
  CHECK_THAT(engine.status().second, Catch::Contains("x.pcap"));
  disk.write_error = 0;
  REQUIRE(sender.peer->wait([&] { return sender.acknowledged() == 2; }));
  CHECK(engine.statistics().stored == 8);
  CHECK(capinfos_counts({dir.file("x.pcap")}) == std::vector<std::uint64_t>{8});
  CHECK(engine.status().first == fleet::ProcessorStatus::kHealthy);
  check_balance(engine);
}

TEST_CASE("Streams are turned away that no registration stands for", "[engine]") {
  Engine engine(settings(""), kTime);
  engine.start();
  const auto peer = std::make_shared<RecordingPeer>();
  const packet::Batch batch = make_batch({.hunter = "h1", .epoch = 7});
  CHECK(engine.attach(batch.header(), peer).error().code == Code::kFailedPrecondition);
  REQUIRE(engine.register_hunter(described_hunter("h1", 8), "a"));
  CHECK(engine.attach(batch.header(), peer).error().code == Code::kFailedPrecondition);
  CHECK(engine.heartbeat_opened("h2").error().code == Code::kNotFound);

  const packet::Batch good = make_batch({.hunter = "h1", .epoch = 8});
  const auto ingest = engine.attach(good.header(), peer);
  REQUIRE(ingest);
  CHECK(engine.accept(*ingest, make_batch({.hunter = "h2", .epoch = 8})).error().code == Code::kInvalidArgument);
  CHECK(engine.accept(*ingest, make_batch({.hunter = "h1", .epoch = 7})).error().code == Code::kInvalidArgument);
  CHECK(engine.accept(*ingest, make_batch({.hunter = "h1", .epoch = 8})));
}

TEST_CASE("What came before is passed over, and acknowledged all the same", "[engine]") {
  const TempDir dir;
  Engine engine(settings(dir.file("x.pcap")), kTime);
  engine.start();
  Sender sender(engine, "h1", 1, 3, 80);
  sender.deliver(20);
  CHECK(engine.register_hunter(described_hunter("h1"), "a")->resume_after == 20);
  const auto peer = std::make_shared<RecordingPeer>();
  const auto ingest = engine.attach(make_batch({.hunter = "h1", .epoch = 7}).header(), peer);
  REQUIRE(ingest);
  for (std::uint64_t sequence = 11; sequence <= 20; ++sequence) {
    REQUIRE(engine.accept(*ingest, make_batch({.hunter = "h1", .epoch = 7, .sequence = sequence, .packets = 3})));
  }
  CHECK(engine.control(*ingest).acknowledged == 20);
  engine.stop();
  CHECK(engine.statistics().duplicates == 30);
  CHECK(engine.statistics().received == 60);
  check_complete(stored_numbers(dir.file("x.pcap")), 1, 60);
  check_balance(engine);
}

TEST_CASE("Without a file packets are taken, counted as live only, and acknowledged", "[engine]") {
  Engine engine(settings(""), kTime);
  engine.start();
  Sender sender(engine, "h1", 1, 5, 80);
  sender.deliver(10);
  CHECK(engine.statistics().live_only == 50);
  CHECK(engine.statistics().stored == 0);
  check_balance(engine);
}

TEST_CASE("A stop stores and acknowledges what was taken, then ends the streams, and takes no more", "[engine]") {
  const TempDir dir;
  Engine engine(settings(dir.file("x.pcapng"), SyncPolicy::kInterval), kTime);
  DiskFaults slow;
  slow.write_delay_us = 2000;
  engine.start();
  Sender sender(engine, "h1", 1, 10, 500);
  sender.connect();
  for (int i = 0; i < 300; ++i) REQUIRE(sender.send());
  engine.stop();
  CHECK(sender.acknowledged() == 300);
  REQUIRE(sender.peer->closed().size() == 1);
  CHECK(sender.peer->closed()[0].code == Code::kUnavailable);
  check_complete(stored_numbers(dir.file("x.pcapng")), 1, 3000);
  CHECK(capinfos_counts({dir.file("x.pcapng")}) == std::vector<std::uint64_t>{3000});
  check_balance(engine);
  sender.send();
  const auto another = engine.attach(make_batch({}).header(), sender.peer);
  REQUIRE_FALSE(another);
  CHECK(another.error().code == Code::kUnavailable);
  CHECK(engine.statistics().received == 3000);
  sender.disconnect();
}

TEST_CASE("Two streams of one hunter that race store each packet once, in order", "[engine][stress]") {
  const TempDir dir;
  Engine engine(settings(dir.file("x.pcap")), kTime);
  engine.start();
  constexpr std::uint64_t kBatches = 3000;
  REQUIRE(engine.register_hunter(described_hunter("h1"), "a"));
  // Each stream begins at 1 and sends everything: the other's work is always under way.
  std::vector<std::jthread> streams;
  for (int s = 0; s < 2; ++s) {
    streams.emplace_back([&] {
      const auto peer = std::make_shared<RecordingPeer>();
      const auto ingest = engine.attach(make_batch({.hunter = "h1", .epoch = 7}).header(), peer);
      for (std::uint64_t sequence = 1; sequence <= kBatches; ++sequence) {
        const auto verdict =
            engine.accept(*ingest, make_batch({.hunter = "h1",
                                               .epoch = 7,
                                               .sequence = sequence,
                                               .first_number = static_cast<std::uint32_t>(sequence - 1) * 4,
                                               .packets = 4}));
        if (!verdict) break;
      }
      engine.detach(*ingest, peer.get());
    });
  }
  streams.clear();
  engine.stop();
  check_complete(stored_numbers(dir.file("x.pcap")), 1, kBatches * 4);
  CHECK(engine.statistics().received == kBatches * 4);
  CHECK(engine.statistics().duplicates == kBatches * 4);
  check_balance(engine);
}

TEST_CASE("Many hunters on a slow disk are held back and resumed, and every packet arrives", "[engine][stress]") {
  const TempDir dir;
  Engine engine(settings(dir.file("x.pcap"), SyncPolicy::kInterval), kTime);
  DiskFaults slow;
  slow.write_delay_us = 1500;
  engine.start();
  constexpr std::uint32_t kHunters = 6;
  constexpr std::uint64_t kBatches = 120;
  std::atomic<int> holds{0};
  std::vector<std::jthread> hunters;
  for (std::uint32_t h = 0; h < kHunters; ++h) {
    hunters.emplace_back([&, h] {
      Sender sender(engine, "h" + std::to_string(h), h, 4, 60'000);
      sender.deliver(kBatches);
      holds += sender.holds;
    });
  }
  hunters.clear();
  engine.stop();
  CHECK(holds > 0);
  const auto numbers = stored_numbers(dir.file("x.pcap"));
  for (std::uint32_t h = 0; h < kHunters; ++h) check_complete(numbers, h, kBatches * 4);
  CHECK(engine.status().first == fleet::ProcessorStatus::kHealthy);  // and no flow level is left behind
  CHECK(engine.statistics().queued_bytes == 0);
  check_balance(engine);
}

TEST_CASE("One hunter that floods is held back alone", "[engine]") {
  const TempDir dir;
  Engine engine(settings(dir.file("x.pcap")), kTime);
  DiskFaults disk;
  disk.write_error = ENOSPC;
  engine.start();
  REQUIRE(engine.register_hunter(described_hunter("flood"), "a"));
  REQUIRE(engine.register_hunter(described_hunter("calm"), "a"));
  const auto flood = std::make_shared<RecordingPeer>();
  const auto calm = std::make_shared<RecordingPeer>();
  const auto from_flood = engine.attach(make_batch({.hunter = "flood"}).header(), flood);
  const auto from_calm = engine.attach(make_batch({.hunter = "calm"}).header(), calm);
  Engine::Verdict verdict = Engine::Verdict::kGoOn;
  std::uint64_t sent = 0;
  while (verdict == Engine::Verdict::kGoOn && sent < 100) {
    ++sent;
    verdict =
        *engine.accept(*from_flood, make_batch({.hunter = "flood", .sequence = sent, .packets = 10, .size = 60'000}));
  }
  CHECK(verdict == Engine::Verdict::kHold);
  CHECK(engine.control(*from_calm).flow == FlowLevel::kContinue);
  CHECK(*engine.accept(*from_calm, make_batch({.hunter = "calm"})) == Engine::Verdict::kGoOn);
  CHECK(flood->resumes() == 0);
  disk.write_error = 0;
  CHECK(flood->take_resume());
  REQUIRE(flood->wait([&] { return engine.control(*from_flood).acknowledged == sent; }));
  CHECK(flood->resumes() == 1);
  CHECK(calm->resumes() == 0);
  engine.detach(*from_flood, flood.get());
  engine.detach(*from_calm, calm.get());
}

TEST_CASE("Hunters are told to slow down and to pause before the queue is full, and to go on when it is empty",
          "[engine]") {
  const TempDir dir;
  Engine engine(settings(dir.file("x.pcap")), kTime);
  DiskFaults disk;
  disk.write_error = ENOSPC;
  engine.start();
  std::vector<FlowLevel> levels;
  std::vector<std::shared_ptr<RecordingPeer>> peers;
  std::vector<Ingest> streams;
  for (int h = 0; h < 5; ++h) {
    const std::string id = "h" + std::to_string(h);
    REQUIRE(engine.register_hunter(described_hunter(id), "a"));
    peers.push_back(std::make_shared<RecordingPeer>());
    streams.push_back(*engine.attach(make_batch({.hunter = id}).header(), peers.back()));
    for (std::uint64_t sequence = 1; sequence <= 20; ++sequence) {
      REQUIRE(engine.accept(streams.back(),
                            make_batch({.hunter = id, .sequence = sequence, .packets = 10, .size = 60'000})));
      const FlowLevel now = engine.control(streams.back()).flow;
      if (levels.empty() || levels.back() != now) levels.push_back(now);
    }
  }
  CHECK(levels == std::vector<FlowLevel>{FlowLevel::kContinue, FlowLevel::kSlow, FlowLevel::kPause});
  disk.write_error = 0;
  REQUIRE(peers[4]->wait([&] { return engine.control(streams[4]).acknowledged == 20; }));
  CHECK(engine.control(streams[4]).flow == FlowLevel::kContinue);
  for (std::size_t h = 0; h < streams.size(); ++h) engine.detach(streams[h], peers[h].get());
}

TEST_CASE("A full disk loses nothing: it is said, and storing goes on by itself when there is space", "[engine]") {
  if (::geteuid() != 0) {
    WARN("skipped: only root can mount a small filesystem");
    return;
  }
  const TempDir dir;
  const SmallDisk disk(dir.path());
  if (!disk.mounted) {
    WARN("skipped: this environment allows no mount");
    return;
  }
  capture::test::write_file(dir.file("ballast"), std::string(3 << 20, 'x'));
  Engine engine(settings(dir.file("x.pcapng"), SyncPolicy::kInterval), kTime);
  engine.start();
  std::jthread hunter([&] {
    Sender sender(engine, "h1", 1, 10, 200);
    sender.deliver(800);  // 1.7 MB
  });
  while (engine.status().first != fleet::ProcessorStatus::kError) std::this_thread::yield();
  CHECK_THAT(engine.status().second, Catch::Contains("No space left on device") && Catch::Contains("x.pcapng"));
  check_complete(stored_numbers(dir.file("x.pcapng")), 2, 0);  // readable meanwhile
  std::filesystem::remove(dir.file("ballast"));
  hunter.join();
  CHECK(engine.status().first == fleet::ProcessorStatus::kHealthy);
  engine.stop();
  check_complete(stored_numbers(dir.file("x.pcapng")), 1, 8000);
  CHECK(capinfos_counts({dir.file("x.pcapng")}) == std::vector<std::uint64_t>{8000});
  check_balance(engine);
}

TEST_CASE("A stop on a full disk does not hang, and nothing unstored is acknowledged", "[engine]") {
  const TempDir dir;
  Engine engine(settings(dir.file("x.pcap")), kTime);
  DiskFaults disk;
  disk.write_error = ENOSPC;
  engine.start();
  Sender sender(engine, "h1", 1, 10, 200);
  sender.connect();
  for (int i = 0; i < 200; ++i) REQUIRE(sender.send());
  while (disk.failed_writes == 0) std::this_thread::yield();
  engine.stop();
  CHECK(sender.acknowledged() == 0);
  CHECK(engine.statistics().in_flight == 2000);
  check_balance(engine);
  sender.disconnect();
}

TEST_CASE("When the system can't promise that data is safe, a new file follows and the hunters send it again",
          "[engine]") {
  const TempDir dir;
  Engine engine(settings(dir.file("x.pcap"), SyncPolicy::kInterval), kTime);
  DiskFaults disk;
  engine.start();
  std::vector<std::jthread> hunters;
  for (std::uint32_t h = 0; h < 3; ++h) {
    hunters.emplace_back([&, h] {
      Sender sender(engine, "h" + std::to_string(h), h, 10, 1000);
      sender.deliver(400);
      ++disk.failing_syncs;
      for (const std::uint64_t last : {800U, 1200U}) sender.deliver(last);
    });
  }
  hunters.clear();
  engine.stop();
  const auto numbers = all_stored_numbers(dir);
  for (std::uint32_t h = 0; h < 3; ++h) check_complete(numbers, h, 12'000);
  CHECK(std::distance(std::filesystem::directory_iterator(dir.path()), {}) > 2);  // with the state
  CHECK(engine.statistics().stored == 36'000);
  CHECK(engine.statistics().in_flight == 0);
  check_balance(engine);
}

TEST_CASE("A file that can't be written ends the start with the matching code", "[engine]") {
  const TempDir dir;
  try {
    EngineSettings bad = settings(dir.file("none/x.pcap"));
    bad.state_dir = dir.file("state");
    const Engine engine(bad, kTime);
    FAIL("it started");
  } catch (const StartError& error) {
    CHECK(error.code() == ExitCode::kBadConfig);
    CHECK_THAT(error.what(), Catch::Contains("none/x.pcap"));
  }
  CHECK_THROWS_AS(Engine(settings(dir.file("x.txt")), kTime), StartError);
}

TEST_CASE("A processor that starts again knows what it has: hunters are told, and repetitions passed over",
          "[engine]") {
  const TempDir dir;
  for (const std::uint64_t last : {20U, 50U, 51U}) {
    Engine engine(settings(dir.file("x.pcapng")), kTime);
    engine.start();
    Sender sender(engine, "h1", 1, 3, 80);
    sender.deliver(last);  // from resume_after on
    REQUIRE(engine.register_hunter(described_hunter("h2", 99), "a"));
    CHECK(engine.register_hunter(described_hunter("h1"), "a")->resume_after == last);
    const auto peer = std::make_shared<RecordingPeer>();
    const auto ingest = engine.attach(make_batch({.hunter = "h1", .epoch = 7}).header(), peer);
    REQUIRE(ingest);
    REQUIRE(engine.accept(*ingest, make_batch({.hunter = "h1", .epoch = 7, .sequence = 5, .packets = 3})));
    CHECK(engine.statistics().duplicates == 3);
    engine.detach(*ingest, peer.get());
    engine.stop();
    check_balance(engine);
  }
  const auto numbers = all_stored_numbers(dir);
  check_complete(numbers, 1, 153);
  Engine engine(settings(dir.file("x.pcapng")), kTime);
  CHECK(engine.register_hunter(described_hunter("h1", 8), "a")->resume_after == 0);  // another epoch: nothing is known
}

TEST_CASE("A journal whose disk is full stops the acknowledgements, not the process, and all is stored once afterwards",
          "[engine]") {
  if (::geteuid() != 0) {
    WARN("skipped: only root can mount a small filesystem");
    return;
  }
  const SyncPolicy sync = GENERATE(SyncPolicy::kInterval, SyncPolicy::kAlways, SyncPolicy::kNever);
  const TempDir dir;
  const TempDir state;
  const SmallDisk disk(state.path());
  if (!disk.mounted) {
    WARN("skipped: this environment allows no mount");
    return;
  }
  EngineSettings with_small_disk = settings(dir.file("x.pcap"), sync);
  with_small_disk.state_dir = state.file("state");
  Engine engine(with_small_disk, kTime);
  engine.start();
  std::ofstream(state.file("ballast")) << std::string(5 << 20, 'x');  // to the last byte
  std::jthread hunter([&] { Sender(engine, "h1", 1, 10, 200).deliver(800); });
  while (engine.status().first != fleet::ProcessorStatus::kError) std::this_thread::yield();
  CHECK_THAT(engine.status().second,
             Catch::Contains("No space left on device; free space") && Catch::Contains(state.file("state/journal")));
  CHECK(engine.statistics().stored == 0);
  std::filesystem::remove(state.file("ballast"));
  hunter.join();
  CHECK(engine.status().first == fleet::ProcessorStatus::kHealthy);
  engine.stop();
  check_complete(stored_numbers(dir.file("x.pcap")), 1, 8000);
  CHECK(engine.statistics().stored == 8000);
  check_balance(engine);
}

TEST_CASE("A disk that fails each fdatasync is asked no more than twice a second, and in the end all is stored once",
          "[engine]") {
  const SyncPolicy sync = GENERATE(SyncPolicy::kInterval, SyncPolicy::kAlways);
  const TempDir dir;
  Engine engine(settings(dir.file("x.pcap"), sync), kTime);
  engine.start();
  Sender(engine, "h1", 1, 10, 200).deliver(100);
  constexpr int kMany = 1'000'000;
  DiskFaults disk;
  const auto begin = Clock::now();
  disk.failing_syncs = kMany;
  std::jthread hunter([&] { Sender(engine, "h1", 1, 10, 200).deliver(800); });
  while (disk.failing_syncs > kMany - 5) std::this_thread::yield();
  CHECK(Clock::now() - begin >= std::chrono::milliseconds(1400));
  CHECK(engine.status().first == fleet::ProcessorStatus::kError);
  CHECK(engine.statistics().stored == 1000);
  disk.failing_syncs = 0;
  hunter.join();
  CHECK(engine.status().first == fleet::ProcessorStatus::kHealthy);
  engine.stop();
  check_complete(all_stored_numbers(dir), 1, 8000);
  CHECK(engine.statistics().stored == 8000);
  check_balance(engine);
}

TEST_CASE("A second processor on one state directory is refused, and so is one that cannot have it", "[engine]") {
  const TempDir dir;
  Engine engine(settings(dir.file("x.pcap")), kTime);
  EngineSettings other = settings(dir.file("y.pcap"));
  other.state_dir = engine.settings().state_dir;
  try {
    const Engine second(other, kTime);
    FAIL("it started");
  } catch (const StartError& error) {
    CHECK(error.code() == ExitCode::kBadConfig);
    CHECK_THAT(error.what(), Catch::Contains(other.state_dir) && Catch::Contains("--state-dir"));
  }
  CHECK_FALSE(std::filesystem::exists(dir.file("y.pcap")));
}

TEST_CASE("The statistics line says everything in one line", "[stats_line]") {
  const TempDir dir;
  Engine engine(settings(dir.file("x.pcap")), kTime);
  engine.start();
  StatsLine line;
  const auto begin = Clock::now();
  static_cast<void>(line.next(engine, begin));
  Sender sender(engine, "h1", 1, 5, 80);
  sender.deliver(10);
  REQUIRE(engine.register_hunter(described_hunter("odd"), "a"));
  const auto peer = std::make_shared<RecordingPeer>();
  const auto ingest = engine.attach(make_batch({.hunter = "odd"}).header(), peer);
  REQUIRE(engine.accept(*ingest, make_batch({.hunter = "odd", .packets = 2, .link_type = 70'000})));
  REQUIRE(peer->wait([&] { return engine.control(*ingest).acknowledged == 1; }));
  CHECK(line.next(engine, begin + std::chrono::seconds(2)) ==
        "hunters=1 received=52 pps=26 stored=50 live_only=0 in_flight=0 duplicates=0 dropped=2 dropped_malformed=2 "
        "queue_bytes=0 status=HEALTHY");
  CHECK_THAT(line.next(engine, begin + std::chrono::seconds(4)), Catch::Contains(" pps=0 "));

  DiskFaults disk;
  disk.write_error = ENOSPC;
  REQUIRE(engine.accept(*ingest, make_batch({.hunter = "odd", .sequence = 2})));
  while (engine.status().first != fleet::ProcessorStatus::kError) std::this_thread::yield();
  CHECK_THAT(
      line.next(engine, begin + std::chrono::seconds(6)),
      Catch::Contains("in_flight=1 ") && Catch::Contains(" status=ERROR reason=\"cannot write capture file \\\""));
  disk.write_error = 0;
  REQUIRE(peer->wait([&] { return engine.control(*ingest).acknowledged == 2; }));
  engine.detach(*ingest, peer.get());
}
