// The queue with a spool.
#include <atomic>
#include <catch2/catch.hpp>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/temp_dir.h"
#include "tests/unit/processord_forward/forward_rig.h"

using namespace lc;
using namespace lc::processor;
using namespace lc::processor::test;
using namespace std::chrono_literals;
using lc::test::MemoryFileSystem;
using Taken = ForwardQueue::Taken;

namespace {

template <typename Condition>
bool soon(Condition&& condition) {
  for (const auto end = Clock::now() + 30s; Clock::now() < end; std::this_thread::yield()) {
    if (condition()) return true;
  }
  return false;
}

std::uint64_t all_packets_of(const Sequences& sent) {
  std::uint64_t packets = 0;
  for (const std::uint64_t sequence : sent) packets += packets_of(sequence);
  return packets;
}

}  // namespace

TEST_CASE("What memory can't hold goes to disk and comes back in order, in little memory", "[forward_queue]") {
  ForwardRig rig({});
  rig->set_connected(true);
  for (std::uint64_t i = 1; i <= 3'000; ++i) {
    rig.fill(kA, i, i);
    rig.fill(kB, i, i);
    REQUIRE(rig->usage().bytes <= 100'000);
  }
  CHECK(rig.segments() > 100);
  CHECK(rig->custody(kA) == 3'000);
  CHECK(rig.drain(kA) == sequences(1, 3'000));
  CHECK(rig.drain(kB) == sequences(1, 3'000));
  CHECK(rig->usage().in_flight == 0);
  CHECK(rig->usage().spool_bytes == 0);
  CHECK(rig.segments() == 0);
  CHECK(adds_up(rig->usage()));
  rig.push(kA, 3'001, 3'010);
  rig.work();
  CHECK(rig.send(kA) == sequences(3'001, 3'010));
  CHECK(rig.segments() == 0);
  CHECK(rig->custody(kA) == 3'000);
}

TEST_CASE("There is custody of what is on disk when it survives a loss of power", "[forward_queue]") {
  ForwardRig rig({.sync = true});
  rig.push(kA, 1, 10);
  rig.clock.advance(1s);
  rig.work();
  CHECK(rig->usage().spool_bytes > 0);
  CHECK(rig->custody(kA) == 0);
  CHECK(rig.custody_of.empty());
  rig->make_durable();
  CHECK(rig->custody(kA) == 10);
  CHECK(rig.custody_of == std::vector<std::string>{kA.key});
  rig.push(kA, 11, 12);
  rig.work();
  CHECK(rig->custody(kA) == 10);
  rig.files.after_power_loss(1);
  rig.start();
  CHECK(rig->custody(kA) >= 10);
}

TEST_CASE("After a sync that failed there is no custody by the spool, until it is empty", "[forward_queue]") {
  ForwardRig rig({.sync = true});
  rig.push(kA, 1, 10);
  rig.clock.advance(1s);
  rig.work();
  rig.files.plan.error_at = rig.files.calls();
  rig->make_durable();
  rig.files.plan = {};
  rig.push(kA, 11, 12);
  rig.work();
  rig->make_durable();
  CHECK(rig->custody(kA) == 0);
  CHECK(rig->progress() == ForwardQueue::Progress::kGood);
  rig.clock.advance(5s);
  CHECK(rig->progress() == ForwardQueue::Progress::kNone);
  rig->set_connected(true);
  CHECK(rig.drain(kA) == sequences(1, 12));
  CHECK(rig->custody(kA) == 12);
  CHECK(rig->progress() == ForwardQueue::Progress::kGood);
}

TEST_CASE("What a parent does not acknowledge goes to disk, though the parent is there", "[forward_queue]") {
  ForwardRig rig({});
  rig->set_connected(true);
  rig.push(kA, 1, 10);
  CHECK(rig.send(kA) == sequences(1, 10));
  rig.clock.advance(4s);
  rig.work();
  CHECK(rig->custody(kA) == 0);
  rig.clock.advance(1s);
  CHECK(rig->progress() == ForwardQueue::Progress::kNone);
  rig.work();
  CHECK(rig->custody(kA) == 10);
  CHECK(rig->progress() == ForwardQueue::Progress::kSpooled);
  rig->acknowledge(rig.lane(kA), 4);
  CHECK(rig->progress() == ForwardQueue::Progress::kGood);
  rig.push(kA, 11, 12);
  rig.work();
  CHECK(rig->custody(kA) == 10);
  CHECK(rig.send(kA) == sequences(11, 12));
}

TEST_CASE("A lane that stands still has its own batches on disk, and no others'", "[forward_queue]") {
  ForwardRig rig({});
  rig->set_connected(true);
  rig.push(kA, 1, 1);
  rig->set_flow(rig.lane(kA), packet::Flow::kPause);
  rig.fill(kA, 2, 500);
  const std::uint64_t on_disk = rig->usage().spool_bytes;
  CHECK(on_disk > 500'000);
  for (std::uint64_t round = 0; round < 50; ++round) {
    rig.push(kB, 10 * round + 1, 10 * round + 10);
    REQUIRE(rig.drain(kB) == sequences(10 * round + 1, 10 * round + 10));
  }
  CHECK(rig->usage().spool_bytes == on_disk);
  rig->set_flow(rig.lane(kA), packet::Flow::kContinue);
  CHECK(rig.drain(kA) == sequences(1, 500));
  CHECK(rig.segments() == 0);
}

TEST_CASE("Twenty lanes that stand still with a backlog on disk hold up no other", "[forward_queue]") {
  ForwardRig rig({.max_bytes = 20'000'000});
  rig->set_connected(true);
  for (int i = 0; i < 20; ++i) {
    const Origin stuck{"proc-9/h" + std::to_string(i), 1};
    rig.push(stuck, 1, 1);
    rig->set_flow(rig.lane(stuck), packet::Flow::kPause);
    rig.fill(stuck, 2, 300);
  }
  for (std::uint64_t round = 0; round < 50; ++round) {
    rig.fill(kB, 100 * round + 1, 100 * round + 100);
    REQUIRE(rig.drain(kB) == sequences(100 * round + 1, 100 * round + 100));
  }
  CHECK(rig->usage().bytes <= 120'000);
  for (int i = 0; i < 20; ++i) {
    const Origin stuck{"proc-9/h" + std::to_string(i), 1};
    rig->set_flow(rig.lane(stuck), packet::Flow::kContinue);
    CHECK(rig.drain(stuck) == sequences(1, 300));
  }
  CHECK(rig.segments() == 0);
}

TEST_CASE("Without the parent for a second everything goes to disk; a kill then loses nothing, and nothing is doubled",
          "[forward_queue]") {
  ForwardRig rig({});
  rig->set_connected(true);
  rig.push(kA, 1, 20);
  rig.push(kB, 5, 10);
  CHECK(rig.send(kA) == sequences(1, 20));
  rig->acknowledge(rig.lane(kA), 4);
  rig->set_connected(false);
  rig.clock.advance(999ms);
  rig.work();
  CHECK(rig.segments() == 0);
  CHECK(rig->custody(kA) == 4);
  rig.clock.advance(1ms);
  rig.work();
  CHECK(rig.segments() > 0);
  CHECK(rig->custody(kA) == 20);
  CHECK(rig->custody(kB) == 10);

  rig.start();
  CHECK(rig->custody(kA) == 20);
  CHECK(rig->custody(kB) == 10);
  CHECK(rig->usage().recovered == rig->usage().in_flight);
  CHECK(rig.push(kA, 15, 20) == Taken::kRepeated);
  CHECK(rig.push(kA, 21, 22) == Taken::kNew);
  rig->set_connected(true);
  rig.work();
  rig->rewind(rig.lane(kA), 18);  // the parent had more than it could say
  CHECK(rig.drain(kA) == sequences(19, 22));
  CHECK(rig.drain(kB) == sequences(5, 10));
  CHECK(adds_up(rig->usage()));
  CHECK(rig.segments() == 0);
}

TEST_CASE("Back in memory, what there is custody of stays on disk until it is acknowledged", "[forward_queue]") {
  ForwardRig rig({});
  rig.push(kA, 1, 10);
  rig.to_disk();
  rig->set_connected(true);
  rig.work();
  rig.push(kA, 11, 12);  // memory is enough again
  rig.work();
  CHECK(rig->custody(kA) == 10);
  CHECK(rig.send(kA) == sequences(1, 12));
  rig->acknowledge(rig.lane(kA), 7);
  rig.start();
  CHECK(rig->custody(kA) == 10);
  rig->set_connected(true);
  rig->rewind(rig.lane(kA), 7);
  CHECK(rig.drain(kA) == sequences(8, 10));
}

TEST_CASE("What was left in memory when the disk was left goes there first when it is needed again",
          "[forward_queue]") {
  ForwardRig rig({});
  rig.push(kA, 1, 5);
  rig.to_disk();
  rig->set_connected(true);
  rig.work();
  rig.push(kA, 6, 7);
  rig.work();
  rig->set_connected(false);
  rig.push(kA, 8, 9);
  rig.clock.advance(1s);
  rig.work();
  rig.start();
  CHECK(rig->custody(kA) == 9);
  CHECK(rig.drain(kA) == sequences(1, 9));
}

TEST_CASE("A lane that keeps the front of the log costs no repetition of what others had acknowledged behind it",
          "[forward_queue]") {
  ForwardRig rig({});
  rig.push(kA, 1, 1);
  rig.to_disk();
  rig.fill(kB, 1, 500);
  rig->set_connected(true);
  rig.work();
  CHECK(rig.drain(kB) == sequences(1, 500));
  rig->sync();
  rig.work();
  rig.start();
  CHECK(rig->usage().recovered == packets_of(1));
  CHECK(rig->custody(kB) == 500);
  CHECK(rig.push(kB, 400, 500) == Taken::kRepeated);
  CHECK(rig.drain(kA) == Sequences{1});
  CHECK(rig.drain(kB).empty());
}

TEST_CASE("However often it is noted what is acknowledged, what comes behind is found", "[forward_queue]") {
  ForwardRig rig({});
  rig.push(kA, 1, 1);
  rig.push(kB, 1, 20);
  rig.to_disk();
  rig->set_connected(true);
  rig.work();
  CHECK(rig.send(kB) == sequences(1, 20));
  for (std::uint64_t sequence = 1; sequence <= 5; ++sequence) {
    rig->acknowledge(rig.lane(kB), sequence);
    rig->sync();
    rig.work();
  }
  rig.push(kA, 2, 9);
  rig.to_disk();
  rig.start();
  CHECK(rig->custody(kA) == 9);
  CHECK(rig.drain(kA) == sequences(1, 9));
  CHECK(rig.drain(kB).back() == 20);
}

TEST_CASE("A sync that failed is made up for, so that a loss of power takes nothing", "[forward_queue]") {
  ForwardRig rig({});
  rig.push(kA, 1, 30);
  rig.to_disk();
  rig.files.plan = {.error_at = rig.files.calls(), .errors = 1};
  rig->sync();
  rig->sync();
  rig.files.after_power_loss(3);
  rig.start();
  CHECK(rig->custody(kA) == 30);
  CHECK(rig.drain(kA) == sequences(1, 30));
}

TEST_CASE("A full spool drops its oldest batches, counts them, and does not ask for them again", "[forward_queue]") {
  ForwardRig rig({.max_bytes = 200'000});
  rig.to_disk();
  rig.fill(kA, 1, 60);
  rig.fill(kB, 1, 300);
  CHECK(rig->usage().spool_bytes <= 200'000);
  CHECK(rig->custody(kA) == 60);
  CHECK(rig->custody(kB) == 300);
  CHECK(rig->usage().dropped_full > 0);
  CHECK(adds_up(rig->usage()));
  rig->set_connected(true);
  const Sequences a = rig.drain(kA);  // its head was in memory
  const Sequences b = rig.drain(kB);
  CHECK(b.back() == 300);
  CHECK(all_packets_of(a) + all_packets_of(b) == rig->usage().pushed - rig->usage().dropped_full);
}

TEST_CASE("A full spool that drops the newest keeps what it has, and a lane that is read goes on", "[forward_queue]") {
  ForwardRig rig({.drop_newest = true, .max_bytes = 200'000});
  rig.to_disk();
  for (std::uint64_t i = 1; i <= 400; ++i) {
    rig.fill(kA, i, i);
    rig.clock.advance(500ms);
  }
  rig.work();
  const ForwardCounts counts = rig->usage();
  CHECK(rig->usage().spool_bytes <= 200'000);
  CHECK(counts.dropped_full > 0);
  CHECK(rig->custody(kA) == 400);  // given up, so not asked for again
  rig->set_connected(true);
  rig.push(kB, 1, 10);
  CHECK(rig.send(kB) == sequences(1, 10));
  const Sequences kept = rig.drain(kA);
  CHECK(kept == sequences(1, kept.size()));
  CHECK(all_packets_of(kept) == counts.in_flight);
}

TEST_CASE("A damaged batch is lost, counted to its origin, and everything else arrives", "[forward_queue]") {
  ForwardRig rig({.limits = {.window_bytes = 10'000}});
  rig.to_disk();
  rig.fill(kA, 1, 60);
  auto& bytes = rig.files.bytes(rig.files.paths().at(1));  // of the second segment
  bytes[bytes.size() / 2] ^= 0xff;
  rig->set_connected(true);
  const Sequences sent = rig.drain(kA);
  const ForwardCounts counts = rig->usage();
  CHECK(counts.dropped_damaged > 0);
  CHECK(all_packets_of(sent) + counts.dropped_damaged == all_packets_of(sequences(1, 60)));
  CHECK(sent.back() == 60);
  CHECK(adds_up(counts));
  CHECK(rig.segments() == 0);
}

TEST_CASE("A disk that takes nothing stops no packet while there is memory; beyond that the origin waits",
          "[forward_queue]") {
  ForwardRig rig({});
  rig.push(kA, 1, 10);
  rig.files.plan = {.error_at = 0, .errors = MemoryFileSystem::kNever, .error = ENOSPC};
  rig.to_disk();
  CHECK(rig->fault().find("No space left") != std::string::npos);
  CHECK(rig->custody(kA) == 0);
  std::uint64_t taken = 10;
  while (taken < 1'000 && rig.push(kA, taken + 1, taken + 1) == Taken::kNew) ++taken;
  CHECK(taken > 40);
  CHECK(taken <= 125);
  CHECK(rig->usage().dropped_full == 0);
  rig->set_connected(true);
  Sequences sent = rig.send(kA);
  CHECK(sent.size() >= 40);
  rig->acknowledge(rig.lane(kA), 20);
  rig.files.plan = {};
  rig.clock.advance(500ms);
  rig.work();
  CHECK(rig->fault().empty());
  CHECK(rig.room_for == std::vector<std::string>{kA.key});
  CHECK(rig->custody(kA) == taken);
  const Sequences rest = rig.drain(kA);
  sent.insert(sent.end(), rest.begin(), rest.end());
  CHECK(sent == sequences(1, taken));
}

TEST_CASE("An error of reading is tried again, and given up as damage in the end", "[forward_queue]") {
  ForwardRig rig({.limits = {.window_bytes = 4'000}});
  rig.push(kA, 1, 5);
  rig.to_disk();
  rig.start();
  const auto fail_once = [&] {
    rig.files.plan = {.error_at = rig.files.calls() + 1, .errors = 1};
    rig.work();
  };
  fail_once();
  CHECK(rig->fault().find("Input/output error") != std::string::npos);
  CHECK(rig.send(kA).empty());
  rig.clock.advance(500ms);
  rig.work();
  CHECK(rig->fault().empty());
  CHECK(rig.send(kA).front() == 1);
}

TEST_CASE("save() puts on disk what only memory had, and an orderly stop leaves nothing to be sent twice",
          "[forward_queue]") {
  ForwardRig rig({});
  rig->set_connected(true);
  rig.push(kA, 1, 10);
  rig.push(kB, 1, 10);
  CHECK(rig.send(kA) == sequences(1, 10));
  CHECK(rig->save(0ms) == all_packets_of(sequences(1, 10)) * 2);  // nobody has written it yet
  rig.work();
  CHECK(rig->save(0ms) == 0);
  rig->acknowledge(rig.lane(kB), 10);
  rig->acknowledge(rig.lane(kA), 6);
  rig->stop();
  rig.start();
  CHECK(rig->custody(kB) == 10);
  CHECK(rig->usage().recovered == all_packets_of(sequences(7, 10)));
  CHECK(rig.drain(kA) == sequences(7, 10));
  rig->stop();
  CHECK(rig.segments() == 0);
}

TEST_CASE("Sessions of one hunter are found on disk in their order", "[forward_queue]") {
  ForwardRig rig({});
  const Origin later{kA.key, 3};
  rig.push(kA, 1, 3);
  rig.push(later, 1, 3);
  rig.to_disk();
  rig.start();
  rig->set_connected(true);
  rig.work();
  CHECK(rig.lane(later) == nullptr);
  CHECK(rig.drain(kA) == sequences(1, 3));
  CHECK(rig.drain(later) == sequences(1, 3));
}

TEST_CASE("A lane that had nothing when the parent came back is named when it has something", "[forward_queue]") {
  ForwardRig rig({});
  rig->set_connected(true);
  rig.push(kA, 1, 1);
  rig->rewind(rig.lane(kA), 1);  // named, but it never came to next()
  rig->set_connected(false);
  rig->set_connected(true);
  rig.told.clear();
  rig.push(kA, 2, 2);
  CHECK(rig.told == std::vector<std::string>{kA.key});
}

TEST_CASE("Many threads and a real disk: each batch once, in order", "[forward_queue][stress]") {
  constexpr std::uint64_t kBatches = 2'000;
  constexpr int kHunters = 6;
  const lc::test::TempDir folder;
  RealFileSystem files("spool");
  const TimeSource time;
  std::mutex mutex;
  std::condition_variable named;
  std::deque<ForwardQueue::LanePointer> ready;
  std::set<std::string> refused;
  const auto open = [&] {
    auto log = spool::RecordLog::open(files, {folder.file("up"), "p1", std::uint64_t{1} << 18, std::uint64_t{1} << 30});
    REQUIRE(log);
    return std::make_unique<ForwardQueue>(ForwardQueue::Limits{.window_bytes = 300'000}, std::move(*log),
                                          ForwardQueue::Spooling{.fresh_epoch = 5},
                                          ForwardQueue::Events{.sendable =
                                                                   [&](const ForwardQueue::LanePointer& lane) {
                                                                     const std::lock_guard lock(mutex);
                                                                     ready.push_back(lane);
                                                                     named.notify_all();
                                                                   },
                                                               .custody_grew = [](const Origin&) {},
                                                               .room =
                                                                   [&](const Origin& origin) {
                                                                     const std::lock_guard lock(mutex);
                                                                     refused.erase(origin.key);
                                                                     named.notify_all();
                                                                   }},
                                          time);
  };
  auto queue = open();
  queue->start();
  queue->set_connected(true);
  std::map<std::string, std::uint64_t> last;  // as the parent has them
  std::atomic<bool> in_order{true};
  std::atomic<bool> stuck{false};
  std::vector<std::jthread> threads;
  for (int i = 0; i < kHunters; ++i) {
    threads.emplace_back([&, i] {
      const Origin origin{"p/h" + std::to_string(i), 1};
      for (std::uint64_t sequence = 1; sequence <= kBatches;) {
        {
          const std::lock_guard lock(mutex);
          refused.insert(origin.key);
        }
        const Taken taken = push(*queue, origin, batch_of(origin, sequence, 200 + 40 * (sequence % 50)));
        std::unique_lock lock(mutex);
        if (taken == Taken::kNew) {
          refused.erase(origin.key);
          ++sequence;
        } else if (!named.wait_for(lock, 30s, [&] { return !refused.contains(origin.key) || stuck; })) {
          stuck = true;
        }
        if (stuck) return;
      }
    });
  }
  std::mutex sending;
  std::uint64_t received = 0;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      while (!stuck) {
        ForwardQueue::LanePointer lane;
        {
          std::unique_lock lock(mutex);
          if (!named.wait_for(lock, 30s, [&] { return !ready.empty() || received == kHunters * kBatches; }))
            stuck = true;
          if (ready.empty()) return;
          lane = ready.front();
          ready.pop_front();
        }
        const std::lock_guard one_stream(sending);
        while (const auto batch = queue->next(lane)) {
          std::uint64_t& before = last[lane->origin().key];
          if (batch->sequence != before + 1 || !is_batch_of(*batch, lane->origin())) in_order = false;
          before = batch->sequence;
          if (before % 3 == 0 || before == kBatches) queue->acknowledge(lane, before);
          const std::lock_guard lock(mutex);
          if (++received == kHunters * kBatches) named.notify_all();
        }
      }
    });
  }
  threads.clear();
  CHECK_FALSE(stuck);
  CHECK(in_order);
  CHECK(received == kHunters * kBatches);
  CHECK(soon([&] { return queue->usage().in_flight == 0 && queue->usage().spool_bytes == 0; }));
  CHECK(adds_up(queue->usage()));
  const Origin origin{"p/h0", 1};
  CHECK(push(*queue, origin, batch_of(origin, kBatches + 1)) == Taken::kNew);
  CHECK(queue->save(30s) == 0);
  queue->stop();
  queue.reset();
  queue = open();
  CHECK(queue->custody(origin) == kBatches + 1);
}
