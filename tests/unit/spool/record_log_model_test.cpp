// Random operations on a record log, with crashes and a disk that fails, against what it promises. The numbers alone
// say what is to be expected: a record's weight and payload follow from its number.
#include <catch2/catch.hpp>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "common/spool/record_log.h"
#include "tests/support/memory_file_system.h"
#include "tests/unit/spool/spool_records.h"

using namespace lc::spool;
using namespace lc::spool::test;
using lc::test::MemoryFileSystem;

namespace {

class World {
 public:
  explicit World(std::uint64_t seed) : seed_(seed), random_(seed) {
    options_ = small_segments(200 + below(5000));
    options_.max_bytes = options_.segment_bytes + 3000 + below(30'000);
  }

  void run(std::uint64_t steps) {
    open();
    for (step_ = 0; step_ < steps; ++step_) {
      try {
        do_something();
        check_balance();
      } catch (const MemoryFileSystem::Crash&) {
        log_.reset();
        if (std::exchange(making_room_, false)) forget_what_is_gone();
        if (below(3) == 0) {
          lose_power();
        } else {
          files_.after_kill();
        }
        open();
      }
    }
    files_.plan = {};
    close_and_open();
    while (read()) check_balance();
  }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  void check(bool holds, const char* what) const {
    if (!holds) FAIL(what << ", seed " << seed_ << ", step " << step_ << ", after number " << last_read_);
  }

  void do_something() {
    const std::uint64_t what = below(100);
    if (what < 40) {
      append();
    } else if (what < 70) {
      read();
    } else if (what < 82) {
      release();
    } else if (what < 87) {
      sync();
    } else if (what < 88) {
      clear();
    } else if (what < 91) {
      close_and_open();
    } else if (what < 94) {
      files_.plan.crash_at = files_.calls() + below(40);
    } else if (what < 97) {
      fail_soon();
    } else {
      files_.plan.error_at = files_.plan.short_write_at = files_.plan.capacity = MemoryFileSystem::kNever;
    }
  }

  void fail_soon() {
    faulty_ = true;
    switch (below(3)) {
      case 0:
        files_.plan.error_at = files_.calls() + below(12);
        files_.plan.errors = 1 + below(6);
        files_.plan.error = below(2) == 0 ? EIO : ENOSPC;
        break;
      case 1:
        files_.plan.short_write_at = files_.calls();
        break;
      default:
        files_.plan.capacity = log_->bytes() + below(4000);
    }
  }

  void open() {
    std::string why;
    for (log_.reset(); !log_;) {
      try {
        log_ = open_log(files_, options_, why);
        if (!log_) check(faulty_, why.c_str());
      } catch (const MemoryFileSystem::Crash&) {
        files_.after_kill();
      }
      if (!log_) files_.plan = {};
    }
    check(log_->epoch() == epoch_ || must_.empty(), "the epoch is not known any more");
    if (log_->epoch() == 0) begin_anew();
    epoch_ = log_->epoch();  // an earlier one, when the power went while the new one's first segment was made
    next_ = std::max(next_, log_->last_number() + 1);  // an append that was broken off may be there
    last_read_ = 0;
    read_ = appended_ = 0;
    unreadable_before_ = 0;
    found_ = log_->unread_weight() + log_->losses().damaged;
    if (faulty_) {
      not_again_ = 0;
      unsynced_before_ = next_;
    }
    faulty_ = files_.plan.error_at != MemoryFileSystem::kNever || files_.plan.capacity != MemoryFileSystem::kNever;
    check_balance();
  }

  void begin_anew() {
    must_.clear();
    durable_.clear();
    log_->begin(++epochs_);
    not_again_ = unsynced_before_ = 0;
    if (files_.failed_removals == 0) next_ = 1;
    lossy_ = files_.failed_removals > 0 || log_->losses().damaged > 0;
  }

  void close_and_open() {
    log_.reset();
    open();
  }

  void lose_power() {
    files_.after_power_loss(random_());
    must_ = durable_;
    not_again_ = 0;
    lossy_ = true;
  }

  void append() {
    const std::uint64_t first = next_ + (below(10) == 0 ? below(5) : 0);
    std::vector<Sample> samples;
    std::uint64_t bytes = 0;
    for (std::uint64_t count = 1 + below(20); count > 0; --count) {
      samples.push_back(sample(first + samples.size()));
      bytes += record_bytes(samples.back().payload.size());
    }
    make_room(bytes);
    std::vector<Record> records;
    std::uint64_t weight = 0;
    for (const Sample& from : samples) {
      records.push_back({{first + records.size(), 0, from.weight, from.time_ns}, from.payload});
      weight += from.weight;
    }
    highest_ = std::max(highest_, first + records.size() - 1);
    const bool all_read = log_->all_read();
    if (log_->epoch() == 0) log_->begin(epoch_);
    const lc::Status status = log_->append(records);
    next_ = status || below(2) == 0 ? first + records.size() : first;  // tried again, or given up
    if (!status) {
      check(faulty_, status.error().text.c_str());
      return;
    }
    appended_ += weight;
    for (const Record& record : records) must_.insert(record.info.number);
    check(log_->last_number() == records.back().info.number, "the last number is another");
    check(log_->epoch() == epoch_, "the epoch changed");
    if (!all_read || below(2) == 0) return;
    log_->mark_all_read();
    read_ += weight;
    last_read_ = records.back().info.number;
  }

  void make_room(std::uint64_t bytes) {
    const std::uint64_t before = log_->bytes();
    const std::uint64_t dropped = log_->losses().dropped;
    making_room_ = true;
    const bool fits = log_->make_room(bytes);
    making_room_ = false;
    if (!fits) {
      check(log_->bytes() == before, "something was dropped for what never fits");
      check(bytes + kSegmentHeaderBytes > options_.max_bytes, "there is no room for what fits");
      return;
    }
    check(log_->bytes() + bytes <= options_.max_bytes, "the bound is passed");
    if (log_->bytes() == before) {
      check(log_->losses().dropped == dropped, "something was dropped, and is still there");
      return;
    }
    check(before + bytes > options_.max_bytes, "something was dropped without need");
    forget_what_is_gone();
  }

  void forget_what_is_gone() {
    // After a removal that failed, the directory does not say what is in the log.
    forget_below(files_.failed_removals > 0 ? MemoryFileSystem::kNever : first_on_disk());
  }

  [[nodiscard]] std::uint64_t first_on_disk() const {
    for (const std::string& path : files_.paths()) {
      if (const auto first = first_in_name(path.substr(std::string(kDirectory).size() + 1))) return *first;
    }
    return MemoryFileSystem::kNever;
  }

  void forget_below(std::uint64_t number) {
    must_.erase(must_.begin(), must_.lower_bound(number));
    durable_.erase(durable_.begin(), durable_.lower_bound(number));
  }

  /// False at the end.
  bool read() {
    std::vector<std::uint8_t> buffer(56 + below(3000));
    auto read = log_->read(buffer);
    while (read && read->records.empty() && read->needed > buffer.size()) {
      buffer.resize(read->needed);
      read = log_->read(buffer);
    }
    if (!read) {
      check(faulty_, read.error().text.c_str());
      if (below(3) == 0) {
        log_->skip_unreadable();
        unreadable_before_ = unsynced_before_ = next_;
      }
      return true;
    }
    for (const Record& record : read->records) {
      const std::uint64_t number = record.info.number;
      check(number > last_read_, "a record comes twice, or too late");
      check(number <= highest_, "a record comes that nobody appended");
      check(is_sample(record), "a record changed");
      check(number > not_again_, "a record comes that was released");
      check_nothing_missing_below(number);
      last_read_ = number;
      read_ += record.info.weight;
    }
    if (!read->records.empty()) return true;
    check_nothing_missing_below(MemoryFileSystem::kNever);
    check(log_->all_read(), "at the end, something is not read");
    return false;
  }

  void check_nothing_missing_below(std::uint64_t number) const {
    const auto missing = must_.upper_bound(last_read_);
    if (missing == must_.end() || *missing >= number || *missing < unreadable_before_) return;
    check(false, ("number " + std::to_string(*missing) + " is missing").c_str());
  }

  void release() {
    const std::uint64_t highest = below(8) == 0 ? log_->last_number() : last_read_;
    if (highest == 0) return;
    const std::uint64_t number = highest - below(std::min<std::uint64_t>(highest, 30));
    forget_below(number + 1);
    log_->release(number);
    not_again_ = std::max(not_again_, number);
  }

  void sync() {
    const std::shared_ptr<lc::File> file = log_->sync_handle();
    if (!file || file->sync() != 0 || faulty_) return;
    durable_.insert(must_.lower_bound(unsynced_before_), must_.end());
  }

  void clear() {
    forget_below(MemoryFileSystem::kNever);
    log_->clear();
    not_again_ = std::max(not_again_, log_->last_number());
    check(log_->bytes() == 0 && log_->all_read(), "a cleared log is not empty");
    check(files_.failed_removals > 0 || first_on_disk() == MemoryFileSystem::kNever, "a cleared log has files");
  }

  void check_balance() const {
    const RecordLog::Losses& losses = log_->losses();
    const std::uint64_t accounted =
        read_ + log_->released_unread() + losses.damaged + losses.dropped + log_->unread_weight();
    if (found_ + appended_ != accounted) {
      std::ostringstream text;
      text << "the balance is wrong: " << found_ << " found + " << appended_ << " appended, " << read_ << " read + "
           << log_->released_unread() << " released + " << losses.damaged << " damaged + " << losses.dropped
           << " dropped + " << log_->unread_weight() << " unread";
      check(false, text.str().c_str());
    }
    const bool may_be_damaged = lossy_ || unreadable_before_ > 0 || files_.failed_removals > 0;
    check(losses.damaged == 0 || may_be_damaged, "something is called damaged");
  }

  const std::uint64_t seed_;
  std::uint64_t step_ = 0;
  std::mt19937_64 random_;
  RecordLog::Options options_;
  MemoryFileSystem files_;
  std::unique_ptr<RecordLog> log_;

  std::uint64_t epochs_ = 0;
  std::uint64_t epoch_ = 0;
  std::uint64_t next_ = 1;
  std::uint64_t highest_ = 0;          // that anybody tried to append
  std::set<std::uint64_t> must_;       // what append() returned from, less what was released or dropped
  std::set<std::uint64_t> durable_;    // of these, what was synced
  std::uint64_t unsynced_before_ = 0;  // a sync of numbers below may have failed
  bool lossy_ = false;                 // power was lost since the log was new

  // Since the log was opened.
  std::uint64_t last_read_ = 0;
  std::uint64_t not_again_ = 0;          // released, and the position file knows it
  std::uint64_t unreadable_before_ = 0;  // numbers below may be missing
  bool faulty_ = false;
  bool making_room_ = false;
  std::uint64_t found_ = 0;  // weights
  std::uint64_t appended_ = 0;
  std::uint64_t read_ = 0;
};

}  // namespace

TEST_CASE("A log keeps its promises through random operations, crashes, losses of power and disk errors",
          "[record_log][model]") {
  // Another range, to look for more: LC_MODEL_SEEDS="FIRST COUNT".
  std::uint64_t first = 1;
  std::uint64_t count = 150;
  if (const char* seeds = std::getenv("LC_MODEL_SEEDS")) std::istringstream(seeds) >> first >> count;
  for (std::uint64_t seed = first; seed < first + count; ++seed) World(seed).run(300);
  SUCCEED("seeds " << first << " to " << first + count - 1);
}
