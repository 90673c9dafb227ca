// The memory side; send_queue_disk.cpp has the disk's thread. A restart goes on kRestartGap above the last number that
// is known: whatever this hunter may have sent from memory alone, or lost with the machine's power, lies below, so that
// no number ever stands for two batches.
#include "common/packet/send_queue.h"

#include <algorithm>

#include "common/base/log.h"

namespace lc::packet {
namespace {

constexpr std::uint64_t kRestartGap = std::uint64_t{1} << 32;
// Packets that wait to be written; the disk takes longer than that only when it can't keep up.
constexpr std::size_t kMostUnwritten = std::size_t{8} << 20;

}  // namespace

SendQueue::SendQueue(std::string hunter_id, std::uint64_t epoch, Limits limits)
    : SendQueue(std::move(hunter_id), epoch, limits, nullptr, {}) {}

SendQueue::SendQueue(std::string hunter_id, std::uint64_t fresh_epoch, Limits limits,
                     std::unique_ptr<spool::RecordLog> log, Spooling how)
    : hunter_id_(std::move(hunter_id)),
      epoch_(log && log->epoch() != 0 ? log->epoch() : fresh_epoch),
      limits_(limits),
      log_(std::move(log)),
      how_(how) {
  if (!log_) return;
  away_since_ = Clock::now();
  losses_ = log_->losses();
  recovered_packets_ = log_->unread_weight() + losses_.damaged;
  if (log_->epoch() != 0) {
    last_ = log_->last_number() + kRestartGap;
    highest_sent_ = last_;
    unread_ = true;
  }
  storing_ = how_.always || unread_;
  written_ = last_;
  note_log();
}

SendQueue::~SendQueue() {
  stop();
}

void SendQueue::start(std::function<void()> changed) {
  changed_ = std::move(changed);
  if (!log_) return;
  disk_thread_ = std::jthread([this] { run(); });
  sync_thread_ = std::jthread([this] { run_sync(); });
}

void SendQueue::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  work_.notify_all();
  sync_due_.notify_all();
  saved_.notify_all();
  if (disk_thread_.joinable()) disk_thread_.join();
  if (sync_thread_.joinable()) sync_thread_.join();
  if (!log_ || !storing_) return;
  // So that the next start does not send again what the last words from the receiver have acknowledged.
  log_->release(acknowledged_);
  if (empty()) log_->clear();
}

void SendQueue::publish() {
  unsent_packets_.store(unsent());
  window_bytes_.store(window_.size().bytes);
  const bool waits_for_disk = how_.always && write_fault_.empty() && pushed_bytes_ - written_bytes_ >= kMostUnwritten;
  disk_behind_.store(tail_bytes_ >= kMostUnwritten || waits_for_disk);
}

void SendQueue::push(BatchBuilder& batch, BatchStats stats, std::int64_t now_ns) {
  stats.buffer_usage = usage_percent();
  bool disk_is_concerned = false;
  {
    const std::lock_guard lock(mutex_);
    if (log_ && !storing_ && window_.size().bytes + batch.size_bytes() > limits_.window_bytes) begin_storing();
    stats.dropped += losses_.dropped + losses_.damaged + not_kept_packets_;
    pushed_packets_ += batch.packets();
    EncodedBatch sealed = batch.seal(
        {.hunter_id = hunter_id_, .sequence = ++last_, .timestamp_ns = now_ns, .stats = stats, .epoch = epoch_});
    disk_is_concerned = storing_ || away_since_.has_value();
    if (storing_) pushed_bytes_ += sealed.bytes.size;
    const bool follows_window =
        !storing_ || (!unread_ && tail_.empty() && window_.size().bytes + sealed.bytes.size <= cached_bytes());
    if (follows_window) {
      window_.push(std::move(sealed));
    } else {
      tail_bytes_ += sealed.bytes.size;
      tail_packets_ += sealed.packets;
      tail_.push_back(std::move(sealed));
    }
    publish();
  }
  if (disk_is_concerned) work_.notify_one();
}

void SendQueue::begin_storing() {
  storing_ = true;
  written_ = window_.empty() ? last_ : window_.front().sequence - 1;
  pushed_bytes_ = window_.size().bytes;
  written_bytes_ = 0;
}

// What is on disk as well need not fill the whole window.
std::size_t SendQueue::cached_bytes() const {
  return limits_.window_bytes / 2;
}

bool SendQueue::may_send() const {
  const EncodedBatch* batch = window_.next();
  if (batch == nullptr) return false;
  // A disk that takes nothing must not stop the packets as well.
  if (how_.always && storing_ && write_fault_.empty() && batch->sequence > written_) return false;
  switch (flow_.load(std::memory_order_relaxed)) {
    case Flow::kPause:
      return false;
    case Flow::kSlow:
      return window_.size().sent_bytes() < limits_.slow_bytes;
    case Flow::kContinue:
      break;
  }
  return true;
}

std::optional<EncodedBatch> SendQueue::next() {
  bool room_again = false;
  std::optional<EncodedBatch> batch;
  {
    const std::lock_guard lock(mutex_);
    if (!may_send()) return std::nullopt;
    batch = *window_.next();
    window_.sent();
    highest_sent_ = std::max(highest_sent_, batch->sequence);
    room_again = unread_;
    publish();
  }
  if (room_again) work_.notify_one();
  return batch;
}

bool SendQueue::has_next() const {
  const std::lock_guard lock(mutex_);
  return may_send();
}

void SendQueue::rewind(std::uint64_t resume_after) {
  const std::lock_guard lock(mutex_);
  forget(resume_after);
  window_.rewind();
  publish();
}

void SendQueue::acknowledge(std::uint64_t sequence) {
  const std::lock_guard lock(mutex_);
  forget(sequence);
  publish();
}

// What an earlier stream had sent may be acknowledged before this stream has sent it again. It must count then: the
// receiver says each number once.
void SendQueue::forget(std::uint64_t sequence) {
  if (sequence > highest_sent_ || sequence <= acknowledged_) return;
  acknowledged_ = sequence;
  const std::uint64_t before = window_.size().packets;
  window_.forget(sequence);
  acknowledged_packets_ += before - window_.size().packets;
  if (!storing_) return;
  release_due_ = true;
  work_.notify_one();
}

void SendQueue::set_flow(Flow flow) {
  flow_.store(flow, std::memory_order_relaxed);
}

void SendQueue::set_writer(Writer writer) {
  const Writer before = writer_.exchange(writer);
  if (!log_ || (before == Writer::kAway) == (writer == Writer::kAway)) return;
  {
    const std::lock_guard lock(mutex_);
    away_since_ = writer == Writer::kAway ? std::optional(Clock::now()) : std::nullopt;
  }
  work_.notify_one();
}

// Sequentially consistent throughout: a capture loop announces itself (SinkListener::waiting) and then asks here, and
// whoever changes these values looks at the announcement afterwards. One of the two must see the other.
FlowSignal SendQueue::signal() const {
  const std::uint64_t unsent = unsent_packets_.load();
  if (disk_behind_.load()) return FlowSignal::kFull;
  if (unsent >= limits_.queue_packets || window_bytes_.load() >= limits_.window_bytes) {
    return log_ ? FlowSignal::kSpill : FlowSignal::kFull;
  }
  const Writer writer = writer_.load();
  if (unsent > 0 || writer == Writer::kAway) return FlowSignal::kBehind;
  return writer == Writer::kIdle ? FlowSignal::kIdle : FlowSignal::kBusy;
}

std::uint64_t SendQueue::unsent() const {
  return window_.size().unsent_packets + tail_packets_ + unread_packets_;
}

std::uint64_t SendQueue::unwritten() const {
  return log_ && !storing_ ? 0 : window_.packets_after(written_) + tail_packets_;
}

SendQueue::Usage SendQueue::usage() const {
  const std::lock_guard lock(mutex_);
  const SendWindow::Size& size = window_.size();
  Usage usage{.bytes = size.bytes + tail_bytes_,
              .pushed_packets = pushed_packets_,
              .packets = size.packets + tail_packets_ + unread_packets_,
              .unsent_packets = unsent(),
              .unwritten_packets = log_ ? unwritten() : 0,
              .recovered_packets = recovered_packets_,
              .acknowledged_packets = acknowledged_packets_ + passed_over_,
              .dropped_full = losses_.dropped + not_kept_packets_,
              .dropped_damaged = losses_.damaged,
              .last_sequence = last_,
              .acknowledged = acknowledged_};
  if (log_ && storing_) {
    usage.spool_bytes = unread_bytes_ + size.bytes;
    if (!window_.empty()) usage.spool_oldest_ns = window_.front().timestamp_ns;
  }
  return usage;
}

std::uint32_t SendQueue::usage_percent() const {
  const std::uint64_t window = window_bytes_.load(std::memory_order_relaxed) * 100 / limits_.window_bytes;
  // Packets have no bound of their own where the disk takes over.
  const std::uint64_t queue = log_ ? spool_percent_.load(std::memory_order_relaxed)
                                   : unsent_packets_.load(std::memory_order_relaxed) * 100 / limits_.queue_packets;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(100, std::max(queue, window)));
}

bool SendQueue::empty() const {
  const std::lock_guard lock(mutex_);
  return window_.empty() && tail_.empty() && !unread_;
}

bool SendQueue::awaits_acknowledgement() const {
  const std::lock_guard lock(mutex_);
  return window_.size().sent_bytes() > 0;
}

std::string SendQueue::fault() const {
  const std::lock_guard lock(mutex_);
  return write_fault_.empty() ? read_fault_ : write_fault_;
}

std::uint64_t SendQueue::save(std::chrono::milliseconds limit) {
  Lock lock(mutex_);
  if (!log_) return window_.size().packets;
  if (!storing_) begin_storing();
  saving_ = true;
  work_.notify_one();
  saved_.wait_for(lock, limit, [this] { return stop_ || !anything_unwritten(); });
  // What was dropped on disk to make room is in the window still, but can't be put back there.
  const std::uint64_t only_here = window_.size().packets - window_.packets_after(first_on_disk_ - 1);
  const std::uint64_t left = unwritten() + only_here;
  const std::shared_ptr<File> file = std::move(unsynced_);
  lock.unlock();
  if (file && file->sync() != 0) log::error("the spool could not be made durable; a loss of power would lose it");
  return left;
}

}  // namespace lc::packet
