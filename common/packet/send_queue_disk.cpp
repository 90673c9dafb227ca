// The disk's thread: writes what belongs on disk, reads back what is sent next, lets go of what is acknowledged. The
// log is touched by this thread alone, and never under the lock, so that nobody waits for a disk.
#include <pthread.h>

#include <algorithm>
#include <utility>

#include "common/base/log.h"
#include "common/packet/send_queue.h"

namespace lc::packet {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kWriteBytes = std::size_t{1} << 20;  // in one write
constexpr std::size_t kReadAhead = std::size_t{4} << 20;   // loaded, and not sent yet
constexpr auto kRetryInterval = 500ms;
constexpr auto kSyncInterval = 1s;
constexpr int kReadTries = 3;

}  // namespace

bool SendQueue::anything_unwritten() const {
  return storing_ && (!tail_.empty() || (!window_.empty() && window_.back().sequence > written_));
}

bool SendQueue::room_to_load() const {
  return window_.size().unsent_bytes < kReadAhead && window_.size().bytes < cached_bytes() / 2;
}

// Nothing is on disk that is not in memory too, and memory is enough again.
bool SendQueue::may_stop_storing() const {
  return storing_ && !how_.always && !saving_ && !away_since_ && !unread_ && tail_.empty() &&
         window_.size().bytes <= limits_.window_bytes / 2;
}

bool SendQueue::may_store() const {
  return anything_unwritten() && Clock::now() >= write_again_at_;
}

bool SendQueue::may_load() const {
  return unread_ && room_to_load() && Clock::now() >= read_again_at_;
}

bool SendQueue::has_work() const {
  return stop_ || release_due_ || may_store() || may_load() || may_stop_storing();
}

void SendQueue::wait_for_work(Lock& lock) {
  if (!storing_) {
    if (!away_since_ || window_.empty()) {
      work_.wait(lock, [this] { return stop_ || storing_ || (away_since_ && !window_.empty()); });
      return;
    }
    const auto due = *away_since_ + how_.away;
    work_.wait_until(lock, due, [this] { return stop_ || storing_ || !away_since_; });
    if (!stop_ && !storing_ && away_since_ && !window_.empty() && Clock::now() >= due) begin_storing();
    return;
  }
  auto again = Clock::time_point::max();
  if (anything_unwritten()) again = write_again_at_;
  if (unread_ && room_to_load()) again = std::min(again, read_again_at_);
  if (again == Clock::time_point::max()) {
    // What comes may have to wait, since a disk has just failed: then there is a time to wake up at.
    work_.wait(lock, [this] { return has_work() || anything_unwritten() || (unread_ && room_to_load()); });
  } else {
    work_.wait_until(lock, again, [this] { return has_work(); });
  }
}

void SendQueue::run() {
  ::pthread_setname_np(::pthread_self(), "spool");
  Lock lock(mutex_);
  while (!stop_) {
    if (!storing_) {
      wait_for_work(lock);
      continue;
    }
    if (!announced_ && !how_.always) {
      announced_ = true;
      lock.unlock();
      log::info("packets go to disk");
      lock.lock();
    }
    if (release_due_) release(lock);
    const bool stored = store_some(lock);
    const bool loaded = load_some(lock);
    if (!anything_unwritten()) {
      written_bytes_ = pushed_bytes_;
      if (saving_) saved_.notify_all();
    }
    publish();
    if (stored || loaded) {
      lock.unlock();
      changed_();
      lock.lock();
    } else if (may_stop_storing()) {
      stop_storing(lock);
    } else {
      wait_for_work(lock);
    }
  }
}

// True: something changed for those who send or capture.
bool SendQueue::store_some(Lock& lock) {
  if (!anything_unwritten()) {
    write_fault_.clear();  // memory was enough
    return false;
  }
  if (!may_store()) return false;
  std::vector<EncodedBatch> batches = window_.after(written_, kWriteBytes);
  const bool from_tail = batches.empty();
  if (from_tail) {
    std::size_t bytes = 0;
    for (auto batch = tail_.begin(); batch != tail_.end() && bytes < kWriteBytes; ++batch) {
      bytes += batch->bytes.size;
      batches.push_back(*batch);
    }
  }
  lock.unlock();
  const bool nothing_was_unread = log_->all_read();
  bool kept = true;
  const Status status = write(batches, kept);
  lock.lock();
  note_log();
  if (status && kept) {
    take_written(batches, from_tail, nothing_was_unread);
    set_fault(lock, write_fault_, "");
    return true;
  }
  write_again_at_ = Clock::now() + kRetryInterval;
  if (status) {  // the spool is full: what memory has stays there, what comes behind is dropped
    drop_tail(from_tail ? batches.size() : tail_.size());
    return true;
  }
  // What the disk does not take is sent from memory as far as there is room.
  while (!unread_ && !tail_.empty() && window_.size().bytes + tail_.front().bytes.size <= limits_.window_bytes) {
    tail_bytes_ -= tail_.front().bytes.size;
    tail_packets_ -= tail_.front().packets;
    window_.push(std::move(tail_.front()));
    tail_.pop_front();
  }
  set_fault(lock, write_fault_, status.error().text);
  return true;
}

// `kept` false: the spool is full, and stays so.
Status SendQueue::write(const std::vector<EncodedBatch>& batches, bool& kept) {
  std::vector<spool::Record> records;
  records.reserve(batches.size());
  std::uint64_t bytes = 0;
  for (const EncodedBatch& batch : batches) {
    records.push_back({.info = {.number = batch.sequence, .weight = batch.packets, .time_ns = batch.timestamp_ns},
                       .payload = batch.bytes.bytes()});
    bytes += spool::record_bytes(batch.bytes.size);
  }
  kept = how_.drop_newest ? log_->fits(bytes) : log_->make_room(bytes);
  if (!kept) return {};
  if (log_->epoch() == 0) log_->begin(epoch_);
  return log_->append(records);
}

void SendQueue::drop_tail(std::size_t batches) {
  for (; batches > 0; --batches) {
    tail_bytes_ -= tail_.front().bytes.size;
    tail_packets_ -= tail_.front().packets;
    not_kept_packets_ += tail_.front().packets;
    tail_.pop_front();
  }
}

void SendQueue::take_written(const std::vector<EncodedBatch>& batches, bool from_tail, bool nothing_was_unread) {
  written_ = batches.back().sequence;
  std::size_t bytes = 0;
  std::uint64_t packets = 0;
  for (const EncodedBatch& batch : batches) {
    bytes += batch.bytes.size;
    packets += batch.packets;
  }
  written_bytes_ += bytes;
  if (from_tail) {
    tail_.erase(tail_.begin(), tail_.begin() + static_cast<std::ptrdiff_t>(batches.size()));
    tail_bytes_ -= bytes;
    tail_packets_ -= packets;
    if (!nothing_was_unread || window_.size().bytes + bytes > cached_bytes()) {
      unread_ = true;
      return;
    }
    for (const EncodedBatch& batch : batches) window_.push(batch);
  }
  if (nothing_was_unread) log_->mark_all_read();
  note_log();
}

bool SendQueue::load_some(Lock& lock) {
  if (!may_load()) return false;
  lock.unlock();
  std::shared_ptr<std::uint8_t> slab = pool_.take();
  Result<spool::RecordLog::ReadResult> read = log_->read({slab.get(), SlabPool::kSlabBytes});
  if (read && read->records.empty() && read->needed > SlabPool::kSlabBytes) {
    const std::size_t size = read->needed;
    slab = std::shared_ptr<std::uint8_t>(new std::uint8_t[size], std::default_delete<std::uint8_t[]>());
    read = log_->read({slab.get(), size});
  }
  const bool given_up = !read && failed_reads_ + 1 == kReadTries;
  if (given_up) log_->skip_unreadable();
  lock.lock();
  // All of it before the lock is let go: what is pushed meanwhile must come behind.
  note_log();
  if (read) {
    for (const spool::Record& record : read->records) {
      if (record.info.number <= acknowledged_) {
        acknowledged_packets_ += record.info.weight;
      } else {
        window_.push({Region{slab, record.payload.data(), record.payload.size()}, record.info.number,
                      record.info.weight, record.info.time_ns});
      }
    }
  }
  unread_ = !log_->all_read();
  if (read || given_up) {
    failed_reads_ = 0;
    set_fault(lock, read_fault_, "");
    return true;
  }
  ++failed_reads_;
  read_again_at_ = Clock::now() + kRetryInterval;
  set_fault(lock, read_fault_, read.error().text);
  return false;
}

void SendQueue::release(Lock& lock) {
  release_due_ = false;
  const std::uint64_t acknowledged = acknowledged_;
  lock.unlock();
  log_->release(acknowledged);
  lock.lock();
  note_log();
}

void SendQueue::stop_storing(Lock& lock) {
  storing_ = false;
  announced_ = false;
  release_due_ = false;
  write_fault_.clear();
  lock.unlock();
  log_->clear();
  log::info("the processor has caught up: packets go from memory again");
  lock.lock();
  note_log();
}

// With the lock, and never while the log works.
void SendQueue::note_log() {
  unread_packets_ = log_->unread_weight();
  unread_bytes_ = log_->unread_bytes();
  losses_ = log_->losses();
  passed_over_ = log_->released_unread();
  first_on_disk_ = log_->first_number();
  unsynced_ = log_->sync_handle();
  spool_percent_ = log_->percent_full();
}

// Lets the lock go for the log's line: everything else must have been brought in order before.
void SendQueue::set_fault(Lock& lock, std::string& fault, const std::string& text) {
  if (fault == text) return;
  fault = text;
  lock.unlock();
  if (text.empty()) {
    log::info("the spool works again");
  } else {
    log::error(text);
  }
  lock.lock();
}

void SendQueue::run_sync() {
  ::pthread_setname_np(::pthread_self(), "spool sync");
  Lock lock(mutex_);
  while (!stop_) {
    sync_due_.wait_for(lock, kSyncInterval, [this] { return stop_; });
    const std::shared_ptr<File> file = std::move(unsynced_);
    if (!file) continue;
    lock.unlock();
    if (file->sync() != 0) log::error("the spool could not be made durable; a loss of power would lose it");
    lock.lock();
  }
}

}  // namespace lc::packet
