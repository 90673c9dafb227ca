// The queue with a spool, on a real disk.
#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "common/packet/send_queue.h"
#include "tests/support/disk_faults.h"
#include "tests/support/numbered_packets.h"
#include "tests/support/temp_dir.h"

using namespace lc;
using namespace lc::packet;
using namespace lc::test;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

template <typename Condition>
bool soon(Condition&& condition) {
  for (const auto end = Clock::now() + 30s; Clock::now() < end; std::this_thread::yield()) {
    if (condition()) return true;
  }
  return false;
}

std::vector<std::string> segments(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().extension() == ".spool") names.push_back(entry.path().filename());
  }
  return names;
}

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

struct Setup {
  SendQueue::Limits limits{};
  SendQueue::Spooling how{};
  std::uint64_t max_bytes = 64 * kMiB;
  std::uint64_t segment_bytes = kMiB;
  std::uint64_t fresh_epoch = 99;
};

/// A hunter's queue over one directory, with a builder in front and a receiver behind that checks order.
class Hunter {
 public:
  Hunter(const std::string& directory, const Setup& setup, std::uint32_t first = 0) : next_(first) {
    auto log = spool::RecordLog::open(files_, {directory, "h1", setup.segment_bytes, setup.max_bytes});
    REQUIRE(log);
    queue_ = std::make_unique<SendQueue>("h1", setup.fresh_epoch, setup.limits, std::move(*log), setup.how);
  }

  SendQueue& operator*() { return *queue_; }
  SendQueue* operator->() { return queue_.get(); }
  void start() {
    queue_->start([] {});
  }
  void connect(std::uint64_t resume_after = 0) {
    queue_->rewind(resume_after);
    queue_->set_writer(SendQueue::Writer::kIdle);
  }

  void push(std::uint32_t batches = 1, std::uint32_t packets = 1, std::size_t size = 1000) {
    for (; batches > 0; --batches) {
      for (std::uint32_t i = 0; i < packets; ++i) {
        const auto bytes = numbered_bytes({1, next_++}, size);
        if (builder_.append(view_of(bytes, 1), 147)) continue;
        queue_->push(builder_, {}, 5);  // the slab is full
        REQUIRE(builder_.append(view_of(bytes, 1), 147));
      }
      if (!builder_.empty()) queue_->push(builder_, {}, 5);
    }
  }

  /// The packets of the next batch; none when there is none within a while.
  std::vector<std::uint32_t> receive() {
    std::optional<EncodedBatch> batch;
    if (!soon([&] { return (batch = queue_->next()).has_value(); })) return {};
    last_received_ = batch->sequence;
    const Result<Batch> parsed = Batch::parse(batch->bytes);
    REQUIRE(parsed);
    CHECK(parsed->header().sequence == batch->sequence);
    CHECK(parsed->header().epoch == queue_->epoch());
    std::vector<std::uint32_t> numbers;
    for (const PacketEntry& entry : parsed->packets()) numbers.push_back(numbered_of(parsed->data_of(entry)).second);
    return numbers;
  }
  /// Receives until `count` packets are there; they must rise by one from `first`.
  void receive_in_order(std::uint32_t first, std::uint32_t count) {
    for (std::uint32_t expected = first; expected < first + count;) {
      const auto numbers = receive();
      REQUIRE_FALSE(numbers.empty());
      for (const std::uint32_t number : numbers) REQUIRE(number == expected++);
    }
  }
  /// The same for more than the window takes: acknowledges as it goes.
  void receive_and_acknowledge(std::uint32_t first, std::uint32_t count) {
    for (std::uint32_t done = 0; done < count; done += 100) {
      receive_in_order(first + done, 100);
      acknowledge_all();
    }
  }
  void acknowledge_all() { queue_->acknowledge(last_received_); }
  [[nodiscard]] std::uint64_t last_received() const { return last_received_; }

  void check_balance() const {
    const SendQueue::Usage usage = queue_->usage();
    CHECK(usage.pushed_packets + usage.recovered_packets ==
          usage.acknowledged_packets + usage.packets + usage.dropped_full + usage.dropped_damaged);
  }

 private:
  RealFileSystem files_{"spool"};
  SlabPool pool_;
  BatchBuilder builder_{pool_, "eth0", 0};
  std::uint32_t next_;
  std::uint64_t last_received_ = 0;
  std::unique_ptr<SendQueue> queue_;
};

/// What a killed process leaves: the directory as it is at this moment.
std::string killed(const TempDir& folder, const std::string& directory, const std::string& name) {
  const StillDisk still;
  fs::copy(directory, folder.file(name));
  return folder.file(name);
}

}  // namespace

TEST_CASE("What memory can't hold goes to disk and comes back in order, behind what was there before", "[send_queue]") {
  const TempDir folder;
  Hunter hunter(folder.file("spool"), {.limits = {.window_bytes = kMiB}});
  hunter.start();
  hunter.connect();
  hunter.push(10'000);
  CHECK(hunter->signal() >= FlowSignal::kSpill);
  CHECK(soon([&] { return hunter->usage().unwritten_packets == 0; }));
  CHECK(hunter->usage().bytes <= 2 * kMiB + kMiB / 16);  // the window, and what is read at once
  CHECK(hunter->usage().packets == 10'000);
  hunter.check_balance();
  for (std::uint32_t first = 0; first < 10'000; first += 500) {
    hunter.receive_and_acknowledge(first, 500);
    hunter.push(10);
  }
  hunter.receive_in_order(10'000, 200);
  hunter.acknowledge_all();
  CHECK(soon([&] { return hunter->empty(); }));
  hunter.check_balance();
}

TEST_CASE("When the receiver has caught up the disk is left, and nothing stays on it", "[send_queue]") {
  const TempDir folder;
  Hunter hunter(folder.file("spool"), {.limits = {.window_bytes = kMiB}});
  hunter.start();
  hunter.connect();
  hunter.push(5'000);
  hunter.receive_and_acknowledge(0, 5'000);
  REQUIRE(soon([&] { return segments(folder.file("spool")).empty(); }));
  hunter.push(10);
  hunter.receive_in_order(5'000, 10);
  CHECK(segments(folder.file("spool")).empty());
  CHECK(hunter->usage().spool_bytes == 0);
}

TEST_CASE("Without a receiver everything goes to disk, so that a kill loses nothing", "[send_queue]") {
  const TempDir folder;
  std::string left;
  std::uint64_t sent = 0;
  {
    Hunter hunter(folder.file("spool"), {.how = {.away = 1ms}});
    hunter.start();
    hunter.connect();
    hunter.push(100);
    hunter.receive_in_order(0, 50);
    sent = hunter.last_received();
    hunter->acknowledge(20);
    CHECK(segments(folder.file("spool")).empty());
    hunter->set_writer(SendQueue::Writer::kAway);
    hunter.push(30);
    REQUIRE(soon([&] { return !segments(folder.file("spool")).empty() && hunter->usage().unwritten_packets == 0; }));
    left = killed(folder, folder.file("spool"), "left");
  }
  Hunter again(left, {.fresh_epoch = 1234}, 130);
  CHECK(again->epoch() == 99);
  CHECK(again->usage().recovered_packets == 110);
  again.start();
  again.push(5);
  again.connect(sent - 10);  // the receiver had more than it could say
  again.receive_in_order(40, 95);
  CHECK(again.last_received() > sent);
  again.acknowledge_all();
  CHECK(soon([&] { return again->empty(); }));
  again.check_balance();
  CHECK(again->usage().acknowledged_packets == 115);
}

TEST_CASE("What was on disk, then in memory alone, goes to disk again when the receiver goes", "[send_queue]") {
  const TempDir folder;
  Hunter hunter(folder.file("spool"), {.limits = {.window_bytes = kMiB}, .how = {.away = 1ms}});
  hunter.start();
  hunter.connect();
  hunter.push(3'000);
  hunter.receive_and_acknowledge(0, 2'900);
  hunter.receive_in_order(2'900, 100);
  REQUIRE(soon([&] { return segments(folder.file("spool")).empty(); }));
  hunter->set_writer(SendQueue::Writer::kAway);
  hunter.push(50);
  REQUIRE(soon([&] { return !segments(folder.file("spool")).empty() && hunter->usage().unwritten_packets == 0; }));
  Hunter again(killed(folder, folder.file("spool"), "left"), {}, 9'000);
  CHECK(again->usage().recovered_packets == 150);
  again.start();
  again.connect();
  again.receive_in_order(2'900, 150);
}

TEST_CASE("With `always` and a failing disk the last batch is still sent, and the sender is told", "[send_queue]") {
  const TempDir folder;
  RealFileSystem files("spool");
  auto log = spool::RecordLog::open(files, {.directory = folder.file("spool"), .owner = "h1"});
  REQUIRE(log);
  SendQueue queue("h1", 7, {}, std::move(*log), {.always = true});
  std::atomic<bool> told{false};
  DiskFaults disk;
  disk.write_error = EIO;
  queue.start([&] {
    if (queue.has_next()) told = true;
  });
  queue.set_writer(SendQueue::Writer::kIdle);
  SlabPool pool;
  BatchBuilder builder(pool, "eth0", 0);
  const auto bytes = numbered_bytes({1, 1}, 60);
  REQUIRE(builder.append(view_of(bytes, 1), 147));
  queue.push(builder, {}, 5);
  CHECK(soon([&] { return told.load(); }));
  CHECK(queue.next());
  queue.acknowledge(1);
  CHECK(soon([&] { return queue.fault().empty(); }));  // nothing waits for the disk any more
  // What comes right after that, and nothing behind it, waits for the next try and not for ever.
  disk.write_error = 0;
  told = false;
  REQUIRE(builder.append(view_of(bytes, 2), 147));
  queue.push(builder, {}, 6);
  CHECK(soon([&] { return told.load(); }));
  CHECK(queue.next());
  queue.stop();
}

TEST_CASE("save() does not call safe what a full spool has dropped and memory alone still has", "[send_queue]") {
  const TempDir folder;
  Hunter hunter(folder.file("spool"),
                {.limits = {.window_bytes = 4 * kMiB}, .how = {.away = 1ms}, .max_bytes = 8 * kMiB});
  hunter.start();
  for (int i = 0; i < 200; ++i) {
    hunter.push(100);
    REQUIRE(soon([&] { return hunter->signal() < FlowSignal::kFull; }));
  }
  REQUIRE(soon([&] { return hunter->usage().unwritten_packets == 0; }));
  const std::uint64_t lost = hunter->save(30s);
  CHECK(lost > 1'000);
  const std::uint64_t in_flight = hunter->usage().packets;
  hunter->stop();
  Hunter again(killed(folder, folder.file("spool"), "left"), {.max_bytes = 8 * kMiB});
  CHECK(again->usage().recovered_packets == in_flight - lost);
}

TEST_CASE("With `always` nothing is sent that a kill could take back", "[send_queue]") {
  const TempDir folder;
  Hunter hunter(folder.file("spool"), {.how = {.always = true}});
  hunter.connect();
  hunter.push(3);
  CHECK_FALSE(hunter->next());  // nobody has written it yet
  CHECK(hunter->usage().unwritten_packets == 3);
  hunter.start();
  for (int round = 0; round < 20; ++round) {
    const auto numbers = hunter.receive();
    REQUIRE_FALSE(numbers.empty());
    Hunter after_kill(killed(folder, folder.file("spool"), "left" + std::to_string(round)), {});
    CHECK(after_kill->usage().recovered_packets > numbers.back());
    hunter.push(2);
  }
}

TEST_CASE("A queue that was acknowledged to its end begins a new epoch at the next start", "[send_queue]") {
  const TempDir folder;
  for (const std::uint64_t epoch : {7U, 8U}) {
    Hunter hunter(folder.file("spool"), {.how = {.always = true}, .fresh_epoch = epoch});
    CHECK(hunter->epoch() == epoch);
    CHECK(hunter->usage().recovered_packets == 0);
    hunter.start();
    hunter.connect();
    hunter.push(10);
    hunter.receive_in_order(0, 10);
    hunter.acknowledge_all();
    hunter->stop();
    CHECK(segments(folder.file("spool")).empty());
  }
}

TEST_CASE("Numbers after a restart lie above all that may have been sent", "[send_queue]") {
  const TempDir folder;
  std::string left;
  std::uint64_t highest = 0;
  {
    Hunter hunter(folder.file("spool"), {.limits = {.window_bytes = kMiB}});
    hunter.start();
    hunter.connect();
    hunter.push(2'000);
    REQUIRE(soon([&] { return hunter->usage().unwritten_packets == 0; }));
    left = killed(folder, folder.file("spool"), "left");
    hunter.push(500);
    hunter.receive_and_acknowledge(0, 2'500);
    highest = hunter.last_received();
  }
  Hunter again(left, {}, 5'000);
  again.start();
  again.push();
  again.connect(2'000);
  CHECK(again.receive() == std::vector<std::uint32_t>{5'000});
  CHECK(again.last_received() > highest);
}

TEST_CASE("A full spool drops what it was told to drop, and counts each packet", "[send_queue]") {
  const bool newest = GENERATE(false, true);
  const TempDir folder;
  Hunter hunter(folder.file("spool"),
                {.limits = {.window_bytes = kMiB}, .how = {.drop_newest = newest}, .max_bytes = 8 * kMiB});
  hunter.start();
  for (std::uint32_t i = 0; i < 200; ++i) {
    hunter.push(100);
    REQUIRE(soon([&] { return hunter->signal() < FlowSignal::kFull; }));
  }
  REQUIRE(soon([&] { return hunter->usage().unwritten_packets == 0; }));
  hunter.check_balance();
  const std::uint64_t dropped = hunter->usage().dropped_full;
  CHECK(dropped > 10'000);
  CHECK(dropped < 14'000);
  hunter.connect();
  std::vector<std::uint32_t> numbers;
  while (numbers.size() < 20'000 - dropped) {
    const auto more = hunter.receive();
    REQUIRE_FALSE(more.empty());
    if (!numbers.empty()) REQUIRE(more.front() > numbers.back());
    numbers.insert(numbers.end(), more.begin(), more.end());
    hunter.acknowledge_all();
  }
  // The window has kept the first ones in either case.
  CHECK((numbers[3'000] == 3'000) == newest);
  if (!newest) CHECK(numbers.back() == 19'999);
  CHECK(soon([&] { return hunter->empty(); }));
  hunter.check_balance();
}

TEST_CASE("A disk that fails does not stop the packets, and is used again when it is well", "[send_queue]") {
  const bool always = GENERATE(false, true);
  const TempDir folder;
  Hunter hunter(folder.file("spool"), {.limits = {.window_bytes = kMiB}, .how = {.always = always}});
  hunter.start();
  hunter.connect();
  {
    DiskFaults disk;
    disk.write_error = ENOSPC;
    hunter.push(3'000);
    REQUIRE(soon([&] { return !hunter->fault().empty(); }));
    CHECK(hunter->fault().find("spool") != std::string::npos);
    CHECK(hunter->fault().find("free space") != std::string::npos);
    hunter.receive_and_acknowledge(0, 2'000);
    hunter.check_balance();
  }
  REQUIRE(soon([&] { return hunter->fault().empty(); }));
  hunter.receive_and_acknowledge(2'000, 1'000);
  CHECK(soon([&] { return hunter->empty(); }));
  hunter.check_balance();
}

TEST_CASE("save() puts on disk what only memory had, for the next start", "[send_queue]") {
  const TempDir folder;
  {
    Hunter hunter(folder.file("spool"), {});
    hunter.start();
    hunter.connect();
    hunter.push(1'000);
    hunter.receive_in_order(0, 300);
    hunter->acknowledge(100);
    CHECK(hunter->save(30s) == 0);
  }
  Hunter again(folder.file("spool"), {}, 1'000);
  CHECK(again->usage().recovered_packets == 900);
  again.start();
  again.connect(250);
  again.receive_in_order(250, 750);
}

TEST_CASE("Whatever is pushed, sent, acknowledged, lost and restarted at random: each packet once, in order",
          "[send_queue]") {
  const std::uint32_t seed = GENERATE(take(6, random(1U, 1'000'000'000U)));
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const auto chance = [&](unsigned one_in) { return random() % one_in == 0; };
  const TempDir folder;
  std::string directory = folder.file("spool");
  Setup setup{.limits = {.window_bytes = kMiB}, .how = {.always = true, .away = 1ms}};
  std::uint32_t pushed = 0;
  std::uint32_t received = 0;  // packets, each once and in order
  std::uint64_t position = 0;  // sequence up to which the receiver has them
  auto hunter = std::make_unique<Hunter>(directory, setup);
  hunter->start();
  for (int step = 0; step < 600; ++step) {
    if (chance(2)) {
      const std::uint32_t batches = static_cast<std::uint32_t>(random() % 60);
      const std::uint32_t packets = static_cast<std::uint32_t>(1 + random() % 5);
      hunter->push(batches, packets, 100 + random() % 900);
      pushed += batches * packets;
    }
    if (chance(8)) (*hunter)->set_writer(SendQueue::Writer::kAway);
    if (chance(4)) hunter->connect(chance(2) ? position : 0);
    for (auto i = random() % 80; i > 0 && (*hunter)->has_next(); --i) {
      const auto numbers = hunter->receive();
      if (hunter->last_received() <= position) continue;  // again
      position = hunter->last_received();
      for (const std::uint32_t number : numbers) REQUIRE(number == received++);
    }
    if (chance(3) && position > 0) (*hunter)->acknowledge(position - (chance(2) ? 0 : 1));
    if (chance(50)) {
      REQUIRE(soon([&] { return (*hunter)->usage().unwritten_packets == 0; }));
      hunter->check_balance();
      directory = killed(folder, directory, "after" + std::to_string(step));
      const std::uint64_t epoch = (*hunter)->epoch();
      ++setup.fresh_epoch;  // as hunterd, which takes a new one at each start
      hunter = std::make_unique<Hunter>(directory, setup, pushed);
      if ((*hunter)->epoch() != epoch) {  // there was nothing on disk, so nothing may be owed
        REQUIRE(received == pushed);
        position = 0;
      }
      hunter->start();
      hunter->connect(position);
    }
  }
  hunter->connect(position);
  while (received < pushed) {
    const auto numbers = hunter->receive();
    REQUIRE_FALSE(numbers.empty());
    if (hunter->last_received() <= position) continue;
    position = hunter->last_received();
    for (const std::uint32_t number : numbers) REQUIRE(number == received++);
    hunter->acknowledge_all();
  }
  (*hunter)->acknowledge(position);
  CHECK(soon([&] { return (*hunter)->empty(); }));
  hunter->check_balance();
}
