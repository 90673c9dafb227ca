// A forward queue with a link that obeys it: streams for lanes that are said to have something, and a parent behind.
#pragma once

#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/fake_clock.h"
#include "tests/support/memory_file_system.h"
#include "tests/unit/processord_forward/forward_batches.h"

namespace lc::processor::test {

using Sequences = std::vector<std::uint64_t>;

inline Sequences sequences(std::uint64_t first, std::uint64_t last) {
  Sequences result;
  for (; first <= last; ++first) result.push_back(first);
  return result;
}

/// What a process has and what it leaves behind; one thread does everything.
class ForwardRig {
 public:
  struct Setup {
    ForwardQueue::Limits limits = {.window_bytes = 100'000};
    bool spools = true;
    bool drop_newest = false;
    bool sync = false;
    std::uint64_t segment_bytes = 20'000;
    std::uint64_t max_bytes = 10'000'000;
  };

  explicit ForwardRig(Setup setup) : setup_(setup) { start(); }

  ForwardQueue& operator*() { return *queue_; }
  ForwardQueue* operator->() { return queue_.get(); }

  /// A process begins with what is on disk; the one before, if there was one, was killed.
  void start() {
    queue_.reset();
    files.after_kill();
    lanes.clear();
    told.clear();
    std::unique_ptr<spool::RecordLog> log;
    if (setup_.spools) {
      auto opened = spool::RecordLog::open(files, {"/spool/up", "p1", setup_.segment_bytes, setup_.max_bytes});
      REQUIRE(opened);
      log = std::move(*opened);
    }
    queue_ = std::make_unique<ForwardQueue>(
        setup_.limits, std::move(log),
        ForwardQueue::Spooling{.fresh_epoch = 5, .drop_newest = setup_.drop_newest, .sync = setup_.sync},
        ForwardQueue::Events{.sendable =
                                 [this](const ForwardQueue::LanePointer& lane) {
                                   told.push_back(lane->origin().key);
                                   lanes[{lane->origin().key, lane->origin().epoch}] = lane;
                                 },
                             .custody_grew = [this](const Origin& origin) { custody_of.push_back(origin.key); },
                             .room = [this](const Origin& origin) { room_for.push_back(origin.key); }},
        clock);
  }

  /// Batches [first, last] of `size` bytes. The last answer.
  ForwardQueue::Taken push(const Origin& origin, std::uint64_t first, std::uint64_t last, std::size_t size = 1000) {
    auto taken = ForwardQueue::Taken::kNew;
    for (; first <= last; ++first) taken = processor::test::push(*queue_, origin, batch_of(origin, first, size));
    return taken;
  }

  /// The same while the disk works.
  void fill(const Origin& origin, std::uint64_t first, std::uint64_t last, std::size_t size = 1000) {
    for (; first <= last; ++first) {
      CHECK(push(origin, first, first, size) == ForwardQueue::Taken::kNew);
      work();
    }
  }

  [[nodiscard]] ForwardQueue::LanePointer lane(const Origin& origin) const {
    const auto found = lanes.find({origin.key, origin.epoch});
    return found == lanes.end() ? nullptr : found->second;
  }

  /// What can be sent of it now; each is looked at.
  Sequences send(const Origin& origin) {
    Sequences sent;
    const auto known = lane(origin);
    while (const auto batch = known ? queue_->next(known) : std::nullopt) {
      CHECK(is_batch_of(*batch, origin));
      sent.push_back(batch->sequence);
    }
    return sent;
  }

  /// The disk does what it can do now.
  void work() {
    while (queue_->work()) {
    }
  }

  /// Sends, acknowledges and works until nothing more comes.
  Sequences drain(const Origin& origin) {
    Sequences all;
    for (;;) {
      work();
      const Sequences sent = send(origin);
      if (sent.empty()) return all;
      queue_->acknowledge(lane(origin), sent.back());
      all.insert(all.end(), sent.begin(), sent.end());
    }
  }

  void to_disk() {  // as an outage does
    queue_->set_connected(false);
    clock.advance(std::chrono::seconds(1));
    work();
  }

  [[nodiscard]] std::size_t segments() const {
    std::size_t count = 0;
    for (const std::string& path : files.paths()) {
      if (path.ends_with(".spool")) ++count;
    }
    return count;
  }

  lc::test::FakeClock clock;
  lc::test::MemoryFileSystem files;
  std::map<std::pair<std::string, std::uint64_t>, ForwardQueue::LanePointer> lanes;
  std::vector<std::string> told, custody_of, room_for;  // keys, as events named them

 private:
  const Setup setup_;
  std::unique_ptr<ForwardQueue> queue_;
};

inline const Origin kA{"proc-1/a", 71};
inline const Origin kB{"proc-1/b", 72};

}  // namespace lc::processor::test
