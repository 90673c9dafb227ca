// Random hunters, a parent that comes and goes, and a disk that fails, fills up and loses power, against what the queue
// promises. Nothing here knows how the queue works: hunters keep what it has no custody of, the parent passes over what
// it has, and both know only what the queue's interface tells them.
#include <catch2/catch.hpp>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "common/base/log.h"
#include "processord/forward/forward_queue.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_file_system.h"
#include "tests/unit/processord_forward/forward_batches.h"

using namespace lc;
using namespace lc::processor;
using namespace lc::processor::test;
using namespace std::chrono_literals;
using lc::test::FakeClock;
using lc::test::MemoryFileSystem;

namespace {

using Name = std::pair<std::string, std::uint64_t>;  // key and epoch

struct Session {  // of a hunter
  Name name;
  std::map<std::uint64_t, std::size_t> made;  // sequence to size
  std::uint64_t next = 1;
  std::uint64_t given = 0;    // custody that the hunter was told of: it has nothing of that any more
  std::uint64_t durable = 0;  // of that, what survives a loss of power
  std::set<std::uint64_t> may_miss;
  bool given_up = false;  // the hunter has died: what is above `given` never comes

  // At the parent.
  std::set<std::uint64_t> received;
  std::uint64_t stored = 0;

  // Of this process.
  std::uint64_t pushed = 0;
  std::uint64_t taken = 0;  // of that, as new
  bool held = false;
  std::uint64_t acknowledged = 0;
  std::uint64_t sent = 0;  // on this stream
  std::uint64_t custody = 0;
  ForwardQueue::LanePointer lane;
  bool open = false;  // its stream
  bool ready = false;

  [[nodiscard]] Origin origin() const { return {name.first, name.second}; }
  [[nodiscard]] std::uint64_t has() const { return received.empty() ? stored : std::max(stored, *received.rbegin()); }
};

class World {
 public:
  explicit World(std::uint64_t seed) : seed_(seed), random_(seed) {
    spools_ = below(6) != 0;
    how_.drop_newest = below(2) == 0;
    how_.sync = below(4) != 0;
    small_ = spools_ && below(3) == 0;
    limits_ = {.window_bytes = 2000 + below(20'000), .slow_bytes = 500 + below(2000)};
    options_ = {.directory = "/spool/up",
                .owner = "processor-1",
                .segment_bytes = 1000 + below(8000),
                .max_bytes = small_ ? 12'000 + below(20'000) : 1 << 24};
    for (std::uint64_t i = 0; i < 1 + below(5); ++i) hunters_.push_back({begin_session(i)});
  }

  void run(std::uint64_t steps) {
    open();
    for (step_ = 0; step_ < steps; ++step_) {
      try {
        do_something();
        check_all();
      } catch (const MemoryFileSystem::Crash&) {
        die();
      }
    }
    finish();
  }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  void check(bool holds, const std::string& what) const {
    if (!holds) FAIL(what << ", seed " << seed_ << ", step " << step_);
  }

  std::shared_ptr<Session> begin_session(std::uint64_t hunter) {
    auto session = std::make_shared<Session>();
    session->name = {"proc-" + std::to_string(hunter % 2) + "/hunter-" + std::to_string(hunter), ++epochs_};
    sessions_[session->name] = session;
    return session;
  }

  void do_something() {
    const std::uint64_t what = below(1000);
    if (what < 300) {
      push_some();
    } else if (what < 520) {
      send_some();
    } else if (what < 640) {
      acknowledge(any_session());
    } else if (what < 780) {
      for (std::uint64_t i = below(6); i > 0; --i) queue_->work();
    } else if (what < 820) {
      clock_.advance(std::chrono::milliseconds(below(1500)));
    } else if (what < 850) {
      sync();
    } else if (what < 880) {
      connect(!connected_);
    } else if (what < 910) {
      open_stream(any_session());
    } else if (what < 935) {
      Session& session = any_session();
      if (session.lane) {
        queue_->set_flow(session.lane, static_cast<packet::Flow>(below(3)));
        note_ready(session.lane);
      }
    } else if (what < 945) {
      parent_dies();
    } else if (what < 955) {
      hunter_dies();
    } else if (what < 965) {
      restart();
    } else if (what < 972) {
      files_.plan.crash_at = files_.calls() + below(20);
    } else if (what < 985) {
      fail_soon();
    } else {
      files_.plan = {};
    }
  }

  Session& any_session() {
    auto at = sessions_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(below(sessions_.size())));
    return *at->second;
  }

  void fail_soon() {
    faulty_ = true;
    if (below(2) == 0) {
      files_.plan.error_at = files_.calls() + below(12);
      files_.plan.errors = 1 + below(8);
      files_.plan.error = below(2) == 0 ? EIO : ENOSPC;
    } else if (below(2) == 0) {
      files_.plan.short_write_at = files_.calls();
    } else {
      files_.plan.capacity = 5000 + below(20'000);
    }
  }

  // The hunters.

  void push_some() {
    auto& session = hunters_[below(hunters_.size())];
    if (below(30) == 0 && session->pushed > 0) {  // again, for whatever reason
      const auto at = session->made.upper_bound(below(session->pushed));
      if (at->first <= session->pushed) push(*session, at->first);
      return;
    }
    for (std::uint64_t count = below(8); count > 0; --count) {
      if (!push_next(*session)) return;
    }
  }

  /// The next one that the hunter has; a new one when it has pushed all.
  bool push_next(Session& session, bool make = true) {
    if (session.held || session.given_up) return false;
    auto at = session.made.upper_bound(session.pushed);
    if (at == session.made.end()) {
      if (!make) return false;
      const std::size_t size = 20 + below(below(10) == 0 ? 3000 : 300);
      at = session.made.emplace(session.next, size).first;
      session.next += below(20) == 0 ? 1 + below(1000) : 1;
    }
    const ForwardQueue::Taken taken = push(session, at->first);
    if (taken == ForwardQueue::Taken::kRefused) {
      session.held = true;
      return false;
    }
    session.pushed = at->first;
    return true;
  }

  ForwardQueue::Taken push(Session& session, std::uint64_t sequence) {
    const ForwardQueue::Taken taken =
        processor::test::push(*queue_, session.origin(), batch_of(session.origin(), sequence, session.made.at(sequence)));
    if (taken == ForwardQueue::Taken::kNew) {
      check(sequence > session.custody && sequence > session.taken, "a repetition is taken");
      session.taken = sequence;
      pushed_packets_ += packets_of(sequence);
    }
    return taken;
  }

  void hunter_dies() {
    auto& session = hunters_[below(hunters_.size())];
    session->given_up = true;
    session = begin_session(static_cast<std::uint64_t>(&session - hunters_.data()));
  }

  // The way to the parent.

  void note_ready(const ForwardQueue::LanePointer& lane) {
    Session& session = *sessions_.at({lane->origin().key, lane->origin().epoch});
    session.lane = lane;
    if (session.open || !connected_) {
      session.ready = connected_;
    } else {
      open_stream(session);
    }
  }

  void connect(bool connected) {
    connected_ = connected;
    for (const auto& [name, session] : sessions_) session->ready = session->open = false;
    queue_->set_connected(connected);
  }

  void open_stream(Session& session) {
    if (!session.lane || !connected_) return;
    session.open = true;
    queue_->rewind(session.lane, session.stored);
    session.acknowledged = std::max(session.acknowledged, session.stored);
    session.sent = session.stored;
    session.ready = true;
  }

  void send_some() {
    if (!connected_) return;
    for (const auto& [name, session] : sessions_) {
      if (!session->ready || below(3) == 0) continue;
      for (std::uint64_t count = 1 + below(6); count > 0 && session->ready; --count) send(*session);
    }
  }

  void send(Session& session) {
    const bool said = queue_->has_next(session.lane);
    const auto batch = queue_->next(session.lane);
    check(batch.has_value() == said, "has_next() and next() differ");
    session.ready = batch.has_value();
    if (!batch) return;
    check(is_batch_of(*batch, session.origin()), "a batch changed");
    check(batch->sequence > session.sent, "a batch is sent again, or too late");
    check(batch->sequence > session.acknowledged, "a batch is sent that was acknowledged");
    session.sent = batch->sequence;
    for (const auto& [name, other] : sessions_) {
      const bool before = name.first == session.name.first && name.second < session.name.second;
      check(!before || !other->lane || !queue_->pending(other->lane), "a new session overtakes an old one");
    }
    if (batch->sequence > session.has()) session.received.insert(batch->sequence);
  }

  void acknowledge(Session& session) {
    if (!session.lane || session.has() == session.stored) return;
    session.stored = std::max(session.stored, session.has() - below(session.has() - session.stored));
    if (!connected_ || below(10) == 0) return;  // the acknowledgement is lost
    queue_->acknowledge(session.lane, session.stored);
    session.acknowledged = std::max(session.acknowledged, std::min(session.stored, session.pushed));
  }

  void forget_unstored() {
    for (const auto& [name, session] : sessions_) {
      session->received.erase(session->received.upper_bound(session->stored), session->received.end());
    }
  }

  void parent_dies() {
    forget_unstored();
    connect(false);
    if (below(2) == 0) connect(true);
  }

  // This process.

  void open() {
    std::string why;
    for (queue_.reset(); !queue_;) {
      try {
        std::unique_ptr<spool::RecordLog> log;
        if (spools_) {
          auto opened = spool::RecordLog::open(files_, options_);
          check(opened.ok() || faulty_, opened ? "" : opened.error().text);
          if (!opened) {
            files_.plan = {};
            continue;
          }
          log = std::move(*opened);
        }
        how_.fresh_epoch = random_();
        queue_ = std::make_unique<ForwardQueue>(limits_, std::move(log), how_, events(), clock_);
      } catch (const MemoryFileSystem::Crash&) {
        files_.after_kill();
      }
    }
    faulty_ = files_.plan.error_at != MemoryFileSystem::kNever || files_.plan.capacity != MemoryFileSystem::kNever;
    pushed_packets_ = 0;
    for (const auto& [name, session] : sessions_) {
      session->lane = nullptr;
      session->held = session->open = session->ready = false;
      session->custody = queue_->custody(session->origin());
      check(session->custody <= session->next, "there is custody of what nobody pushed");
      session->given = std::max(session->given, session->custody);
      // It sends what it has again, all or in part.
      session->pushed = session->given;
      session->taken = 0;
      session->acknowledged = session->sent = 0;
    }
    connected_ = false;
    if (below(2) == 0) connect(true);
    check_all();
  }

  ForwardQueue::Events events() {
    return {.sendable = [this](const ForwardQueue::LanePointer& lane) { note_ready(lane); },
            .custody_grew =
                [this](const Origin& origin) {
                  Session& session = *sessions_.at({origin.key, origin.epoch});
                  session.given = std::max(session.given, queue_->custody(origin));
                },
            .room =
                [this](const Origin& origin) {
                  sessions_.at({origin.key, origin.epoch})->held = false;
                }};
  }

  void sync() {
    queue_->sync();
    if (faulty_) return;
    for (const auto& [name, session] : sessions_) session->durable = std::max(session->durable, session->given);
  }

  void count_losses() {
    const ForwardQueue::Usage usage = queue_->usage();
    lost_ += usage.dropped_full + usage.dropped_damaged;
  }

  void restart() {
    if (below(2) == 0) {
      while (queue_->work()) {
      }
      lost_ += queue_->save(0ms);
      queue_->stop();
    } else {
      lost_ += queue_->save(0ms);  // what memory alone has of what had to make room on disk
    }
    count_losses();
    if (below(3) == 0) forget_unstored();
    if (below(4) == 0) lose_power();
    open();
  }

  void die() {
    count_losses();
    if (below(3) == 0) forget_unstored();
    loose_ = loose_ || small_;  // it may have died while it made room
    if (below(3) == 0) {
      lose_power();
    } else {
      files_.after_kill();
    }
    open();
  }

  void lose_power() {
    files_.after_power_loss(random_());
    if (how_.sync) return;  // then custody is of what survives that
    for (const auto& [name, session] : sessions_) {
      for (const auto& [sequence, size] : session->made) {
        if (sequence > session->durable && sequence <= session->given) session->may_miss.insert(sequence);
      }
    }
  }

  void check_all() {
    const ForwardQueue::Usage usage = queue_->usage();
    if (!adds_up(usage)) {
      std::ostringstream text;
      text << "the balance is wrong: " << usage.pushed << " pushed + " << usage.recovered << " recovered, "
           << usage.acknowledged << " acknowledged + " << usage.in_flight << " in flight + " << usage.dropped_full
           << " + " << usage.dropped_damaged << " dropped";
      check(false, text.str());
    }
    check(usage.pushed == pushed_packets_, "not all that was taken is counted");
    check(usage.bytes <= limits_.window_bytes + limits_.window_bytes / 4 + (sessions_.size() + 1) * 3100,
          "more is in memory than may be");
    check(small_ || usage.dropped_full == 0, "something is dropped although there is room");
    for (const auto& [name, session] : sessions_) {
      const std::uint64_t custody = queue_->custody(session->origin());
      const bool forgotten = custody == 0 && session->given_up;  // of a session long past
      check(custody >= session->custody || forgotten, "custody shrinks");
      check(custody <= session->given, "custody grew, and nobody was told");
      session->custody = custody;
      if (!spools_) check(custody <= session->has(), "there is custody of what the parent does not have");
    }
  }

  void finish() {
    files_.plan = {};
    connect(false);
    connect(true);
    for (int round = 0;; ++round) {
      if (round >= 2'000) {
        const ForwardQueue::Usage usage = queue_->usage();
        std::ostringstream text;
        text << usage.in_flight << " in flight, " << usage.bytes << " bytes, " << usage.unwritten_packets
             << " unwritten, " << usage.spool_bytes << " on disk; " << queue_->fault();
        for (const auto& [name, session] : sessions_) {
          if (session->held) text << "; " << name.first << " " << name.second << " is held";
          if (session->lane && queue_->pending(session->lane)) {
            text << "; " << name.first << " " << name.second << " pending, ready " << session->ready << ", stored "
                 << session->stored << ", sent " << session->sent;
          }
        }
        check(false, "it does not come to an end: " + text.str());
      }
      bool all = true;
      for (const auto& session : hunters_) {
        while (push_next(*session, false)) {
        }
        all = all && session->made.upper_bound(session->pushed) == session->made.end();
      }
      for (const auto& [name, session] : sessions_) {
        if (session->lane) queue_->set_flow(session->lane, packet::Flow::kContinue);
        while (session->ready) send(*session);
        session->stored = session->has();
        if (session->lane) queue_->acknowledge(session->lane, session->stored);
        all = all && (!session->lane || !queue_->pending(session->lane));
      }
      clock_.advance(600ms);
      all = !queue_->work() && all;
      check_all();
      if (all && queue_->usage().in_flight == 0) break;
    }
    check(queue_->usage().spool_bytes == 0, "something is left on disk");
    count_losses();
    std::uint64_t missing = 0;
    for (const auto& [name, session] : sessions_) {
      for (const auto& [sequence, size] : session->made) {
        if (session->received.contains(sequence) || session->may_miss.contains(sequence)) continue;
        if (session->given_up && sequence > session->given) continue;
        missing += packets_of(sequence);
      }
    }
    if (!loose_ && missing > lost_) {
      check(false, std::to_string(missing) + " packets are missing, and " + std::to_string(lost_) + " reported");
    }
  }

  const std::uint64_t seed_;
  std::uint64_t step_ = 0;
  std::mt19937_64 random_;
  ForwardQueue::Limits limits_;
  ForwardQueue::Spooling how_;
  spool::RecordLog::Options options_;
  bool spools_ = true;
  bool small_ = false;
  FakeClock clock_;
  MemoryFileSystem files_;
  std::unique_ptr<ForwardQueue> queue_;

  std::uint64_t epochs_ = 0;
  std::map<Name, std::shared_ptr<Session>> sessions_;
  std::vector<std::shared_ptr<Session>> hunters_;  // the sessions that go on
  bool connected_ = false;
  bool faulty_ = false;
  bool loose_ = false;
  std::uint64_t pushed_packets_ = 0;  // to this process
  std::uint64_t lost_ = 0;            // packets, as all processes have said
};

}  // namespace

TEST_CASE("Whatever fails or dies at random: what there is custody of reaches the parent once, in order, or is counted",
          "[forward_queue][model]") {
  // Another range, to look for more: LC_MODEL_SEEDS="FIRST COUNT".
  std::uint64_t first = 1;
  std::uint64_t count = 150;
  if (const char* seeds = std::getenv("LC_MODEL_SEEDS")) std::istringstream(seeds) >> first >> count;
  for (std::uint64_t seed = first; seed < first + count; ++seed) World(seed).run(400);
  SUCCEED("seeds " << first << " to " << first + count - 1);
}
