// The disk's threads: one writes what belongs on disk, reads back what is sent next and lets go of what is
// acknowledged; one makes it durable. The log is touched by the first alone (at the start: by who constructs), and
// never under the lock, so that nobody waits for a disk.
//
// Memory knows where each batch lies in the log, so a lane's next ones are read wherever they are, and a lane that
// stands still makes nobody read past it. It can keep the front of the log from being given up, though; so that little
// of what others had acknowledged behind it is sent again after a kill, a note of that is written every second.
#include <pthread.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "common/base/log.h"
#include "processord/forward/forward_queue.h"
#include "processord/forward/forward_record.h"

namespace lc::processor {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kWriteBytes = std::size_t{1} << 20;   // in one write
constexpr std::size_t kReadBytes = std::size_t{256} << 10;  // of one lane, before the next one's turn
constexpr std::size_t kReadAhead = std::size_t{1} << 20;    // of one lane: loaded, and not sent yet
constexpr std::size_t kMostNoteBytes = std::size_t{1} << 20;
constexpr auto kRetryInterval = 500ms;
constexpr auto kSyncInterval = 100ms;
constexpr int kSyncsPerNote = 10;
constexpr auto kLook = 1s;  // at the parent's progress
constexpr int kReadTries = 3;

}  // namespace

void ForwardQueue::start() {
  if (!log_) return;
  disk_thread_ = std::jthread([this] { run(); });
  sync_thread_ = std::jthread([this] { run_sync(); });
}

void ForwardQueue::end_threads() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  work_.notify_all();
  sync_due_.notify_all();
  saved_.notify_all();
  if (disk_thread_.joinable()) disk_thread_.join();
  if (sync_thread_.joinable()) sync_thread_.join();
}

void ForwardQueue::stop() {
  end_threads();
  if (!log_) return;
  Lock lock(mutex_);
  release(lock);
  write_note(lock);
  if (fronts_.empty() && spool_bytes_ > 0) clear(lock);
}

bool ForwardQueue::no_progress() const {
  return totals_.in_flight > 0 && time_.now() >= progress_at_ + kStalled;
}

bool ForwardQueue::away_too_long() const {
  if (everything_) return false;
  return (away_since_ && time_.now() >= *away_since_ + how_.away) || (connected_ && no_progress());
}

bool ForwardQueue::may_store() const {
  return !unwritten_.empty() && time_.now() >= write_again_at_;
}

bool ForwardQueue::wants_load(const Lane& lane) const {
  if (lane.alone() == 0) return false;
  if (lane.window_.empty()) return true;
  return lane.window_.size().unsent_bytes < kReadAhead && may_grow(lane, lane.places_[lane.loaded_].payload_bytes);
}

bool ForwardQueue::may_load() const {
  return !hungry_.empty() && time_.now() >= read_again_at_;
}

bool ForwardQueue::may_clear() const {
  return spool_bytes_ > 0 && fronts_.empty() && unwritten_.empty();
}

bool ForwardQueue::has_work() const {
  return stop_ || release_due_ || note_due_ || away_too_long() || may_store() || may_load() || may_clear();
}

void ForwardQueue::wake_disk() {
  if (log_ && (has_work() || (away_since_ && !everything_))) work_.notify_one();
}

void ForwardQueue::wait_for_work(Lock& lock) {
  if (has_work()) return;
  auto again = time_.now() + kLook;
  if (!everything_ && away_since_) again = std::min(again, *away_since_ + how_.away);
  if (!unwritten_.empty()) again = std::min(again, write_again_at_);
  if (!hungry_.empty()) again = std::min(again, read_again_at_);
  work_.wait_for(lock, again - time_.now());
}

void ForwardQueue::run() {
  ::pthread_setname_np(::pthread_self(), "forward spool");
  Lock lock(mutex_);
  while (!stop_) {
    if (!work(lock)) wait_for_work(lock);
  }
}

bool ForwardQueue::work() {
  Lock lock(mutex_);
  return log_ && work(lock);
}

bool ForwardQueue::work(Lock& lock) {
  if (away_too_long()) begin_storing_all();
  if (announced_ != (storing_lanes_ > 0)) {
    announced_ = !announced_;
    lock.unlock();
    log::info(announced_ ? "packets for the upstream go to disk"
                         : "the upstream has caught up: packets go to it from memory again");
    lock.lock();
  }
  if (release_due_) release(lock);
  if (note_due_) write_note(lock);
  const bool stored = store_some(lock);
  const bool loaded = load_some(lock);
  const bool cleared = may_clear();
  if (cleared) clear(lock);
  if (unwritten_.empty()) {
    write_fault_.clear();
    saved_.notify_all();
  }
  tell(lock);
  lock.lock();
  return stored || loaded || cleared;
}

// True: something changed.
bool ForwardQueue::store_some(Lock& lock) {
  if (!may_store()) return false;
  std::vector<Written> group;
  const std::size_t most = std::min<std::size_t>(kWriteBytes, log_->max_bytes() / 8);
  std::size_t bytes = 0;
  for (auto at = unwritten_.begin(); at != unwritten_.end() && (group.empty() || bytes < most); ++at) {
    group.push_back({at->first, last_number_ + group.size() + 1, 0, at->second, at->second.lane->shared_from_this()});
    bytes += at->second.batch.bytes.size;
  }
  lock.unlock();
  bool kept = true;
  const Status status = write(group, kept);
  lock.lock();
  note_log();
  drop_removed();
  if (status && kept) {
    last_number_ = group.back().number;
    for (const Written& written : group) take_written(written);
    set_fault(lock, write_fault_, "");
  } else {
    write_again_at_ = time_.now() + kRetryInterval;
    if (status) {  // the spool is full: what memory has stays there, what comes behind is dropped
      drop_tails();
    } else {
      set_fault(lock, write_fault_, status.error().text);
      send_tails_from_memory();
    }
  }
  note_room();
  return true;
}

// `kept` false: the spool is full, and stays so.
Status ForwardQueue::write(std::vector<Written>& group, bool& kept) {
  std::size_t bytes = 0;
  for (const Written& written : group) {
    bytes += batch_record_bytes(written.waiting.lane->origin_.key, written.waiting.batch.bytes.size);
  }
  std::vector<std::uint8_t> payloads;
  payloads.reserve(bytes);
  std::vector<spool::Record> records;
  records.reserve(group.size());
  for (const Written& written : group) {
    const packet::EncodedBatch& batch = written.waiting.batch;
    const Origin& origin = written.waiting.lane->origin_;
    const std::size_t at = payloads.size();
    append_batch(payloads, {origin.key, origin.epoch, batch.sequence}, batch.bytes.bytes());
    records.push_back({{.number = written.number, .weight = batch.packets, .time_ns = batch.timestamp_ns},
                       {payloads.data() + at, payloads.size() - at}});
  }
  const std::uint64_t on_disk = bytes + group.size() * spool::kRecordHeaderBytes;
  kept = how_.drop_newest ? log_->fits(on_disk) : log_->make_room(on_disk);
  if (!kept) return {};
  if (log_->epoch() == 0) log_->begin(how_.fresh_epoch);
  if (Status appended = log_->append(records); !appended) return appended;
  log_->mark_all_read();
  for (std::size_t i = 0; i < group.size(); ++i) group[i].offset = records[i].offset;
  return {};
}

void ForwardQueue::take_written(const Written& written) {
  const auto found = unwritten_.find(written.arrival);
  if (found == unwritten_.end()) return;  // not needed there any more
  Lane& lane = *found->second.lane;
  Lane::Place& place = lane.places_[lane.written()];
  assert(place.number == written.arrival);
  place.number = written.number;
  place.offset = static_cast<std::uint32_t>(written.offset);
  const bool tail = !found->second.in_window;
  if (tail && lane.alone() == 0 && may_grow(lane, found->second.batch.bytes.size)) leave_tail(found->second);
  stop_waiting(lane, written.arrival);
  note_front(lane);
  note_custody(lane);
  note_hungry(lane);
  note_sendable(lane);
  leave_disk(lane);
}

// `reason` takes its packets; it is on disk alone, or was.
void ForwardQueue::drop_alone(Lane& lane, std::size_t index, std::uint64_t ForwardCounts::*reason) {
  const std::uint64_t packets = lane.places_[index].packets;
  totals_.in_flight -= packets;
  totals_.*reason += packets;
  lane.places_.erase(lane.places_.begin() + static_cast<std::ptrdiff_t>(index));
  note_front(lane);
  if (lane.places_.empty()) now_empty(lane);
}

// What had to make room is lost, unless it is in memory too.
void ForwardQueue::drop_removed() {
  for (auto front = fronts_.begin(); front != fronts_.end() && front->first < first_on_disk_;) {
    Lane& lane = *(front++)->second;
    while (lane.alone() > 0 && lane.places_[lane.loaded_].number < first_on_disk_) {
      drop_alone(lane, lane.loaded_, &ForwardCounts::dropped_full);
    }
  }
}

void ForwardQueue::drop_tails() {
  for (auto at = unwritten_.end(); at != unwritten_.begin();) {
    --at;
    if (at->second.in_window) continue;
    Lane& lane = *at->second.lane;
    assert(lane.places_.back().number == at->first);
    totals_.in_flight -= at->second.batch.packets;
    totals_.dropped_full += at->second.batch.packets;
    const std::uint64_t arrival = (at++)->first;
    stop_waiting(lane, arrival);
    lane.places_.pop_back();
    note_front(lane);
    note_custody(lane);
    if (lane.places_.empty()) now_empty(lane);
  }
}

// What the disk does not take is sent from memory as far as there is room.
void ForwardQueue::send_tails_from_memory() {
  for (auto& [arrival, waiting] : unwritten_) {
    Lane& lane = *waiting.lane;
    if (waiting.in_window || lane.alone() > 0 || lane.places_[lane.loaded_].number != arrival) continue;
    if (!may_grow(lane, waiting.batch.bytes.size)) continue;
    leave_tail(waiting);
    note_sendable(lane);
  }
}

bool ForwardQueue::load_some(Lock& lock) {
  if (!may_load()) return false;
  const LanePointer lane = std::move(hungry_.front());
  hungry_.pop_front();
  lane->hungry_ = false;
  if (!wants_load(*lane)) return true;
  std::vector<Lane::Place> places;
  std::size_t bytes = 0;
  for (std::size_t i = lane->loaded_; i < lane->loaded_ + lane->alone(); ++i) {
    const std::size_t more = lane->places_[i].payload_bytes;
    const bool fits = bytes + more <= kReadBytes && has_room(*lane, 2 * bytes + more);
    if (!places.empty() && !fits) break;
    places.push_back(lane->places_[i]);
    bytes += more;
  }
  lock.unlock();
  std::vector<Result<packet::EncodedBatch>> loaded;
  loaded.reserve(places.size());
  for (const Lane::Place& place : places) {
    loaded.push_back(load(place));
    if (!loaded.back()) break;
  }
  lock.lock();
  std::string fault;
  for (std::size_t i = 0; i < loaded.size(); ++i) take_loaded(*lane, places[i], std::move(loaded[i]), fault);
  note_hungry(*lane);
  note_sendable(*lane);
  leave_disk(*lane);
  set_fault(lock, read_fault_, fault);
  return fault.empty();
}

Result<packet::EncodedBatch> ForwardQueue::load(const Lane::Place& place) {
  const std::size_t size = spool::record_bytes(place.payload_bytes);
  const std::shared_ptr<std::uint8_t> bytes(new std::uint8_t[size], std::default_delete<std::uint8_t[]>());
  const Result<spool::Record> record = log_->read_at(place.number, place.offset, {bytes.get(), size});
  if (!record) return record.error();
  const std::optional<ForwardRecord> found = ForwardRecord::parse(record->payload);
  if (!found || found->is_note) return Error{Code::kDataLoss, "a record of the spool is not a batch"};
  return packet::EncodedBatch{
      {bytes, found->batch.data(), found->batch.size()}, place.sequence, place.packets, record->info.time_ns};
}

// `fault`: why it can't be read, for now.
void ForwardQueue::take_loaded(Lane& lane, const Lane::Place& place, Result<packet::EncodedBatch> loaded,
                               std::string& fault) {
  if (lane.alone() == 0 || lane.places_[lane.loaded_].number != place.number) return;  // acknowledged meanwhile
  if (loaded) {
    lane.failed_reads_ = 0;
    put_in_window(lane, std::move(*loaded));
  } else if (loaded.error().code == Code::kDataLoss || ++lane.failed_reads_ == kReadTries) {
    lane.failed_reads_ = 0;
    drop_alone(lane, lane.loaded_, &ForwardCounts::dropped_damaged);
    release_due_ = true;
  } else {
    read_again_at_ = time_.now() + kRetryInterval;
    fault = loaded.error().text;
  }
}

void ForwardQueue::release(Lock& lock) {
  release_due_ = false;
  const std::uint64_t number = fronts_.empty() ? last_number_ : fronts_.begin()->first - 1;
  if (number <= released_) return;
  released_ = number;
  lock.unlock();
  log_->release(number);
  lock.lock();
  note_log();
}

// A hint: without it more is sent again.
void ForwardQueue::write_note(Lock& lock) {
  note_due_ = false;
  if (unnoted_.empty() || fronts_.empty()) return;
  std::vector<std::uint8_t> payload;
  begin_note(payload);
  std::size_t lanes = 0;
  for (; lanes < unnoted_.size() && payload.size() < kMostNoteBytes; ++lanes) {
    const Lane& lane = *unnoted_[lanes];
    append_position(payload, {lane.origin_.key, lane.origin_.epoch, lane.acknowledged_});
  }
  std::vector<LanePointer> noted(unnoted_.begin(), unnoted_.begin() + static_cast<std::ptrdiff_t>(lanes));
  spool::Record record{{.number = last_number_ + 1}, payload};
  lock.unlock();
  const bool appended = log_->fits(spool::record_bytes(payload.size())) && log_->append({&record, 1});
  if (appended) log_->mark_all_read();
  lock.lock();
  if (appended) {
    ++last_number_;
    for (const LanePointer& lane : noted) lane->unnoted_ = false;
    std::erase_if(unnoted_, [](const LanePointer& lane) { return !lane->unnoted_; });
  }
  note_log();
}

void ForwardQueue::clear(Lock& lock) {
  released_ = last_number_;
  for (const LanePointer& lane : unnoted_) lane->unnoted_ = false;
  unnoted_.clear();
  lock.unlock();
  log_->release(released_);
  log_->clear();
  lock.lock();
  sync_failed_ = false;
  synced_number_ = last_number_;
  note_log();
}

// With the lock, and never while the log works.
void ForwardQueue::note_log() {
  first_on_disk_ = log_->first_number();
  spool_bytes_ = log_->bytes();
  unsynced_ = log_->sync_handle();
}

// Lets the lock go for the log's line: everything else must have been brought in order before.
void ForwardQueue::set_fault(Lock& lock, std::string& fault, const std::string& text) {
  if (fault == text) return;
  fault = text;
  lock.unlock();
  if (text.empty()) {
    log::info("the spool for the upstream works again");
  } else {
    log::error(text);
  }
  lock.lock();
}

void ForwardQueue::sync() {
  make_durable();
  const std::lock_guard lock(mutex_);
  note_due_ = !unnoted_.empty();
  wake_disk();
}

// After a failure what the log has is not safe any more, whatever a later sync says (fsync(2), NOTES): custody of that
// is the parent's word, until the log is empty.
void ForwardQueue::make_durable() {
  if (!how_.sync) return;
  Lock lock(mutex_);
  const std::shared_ptr<File> file = std::move(unsynced_);
  const std::uint64_t number = last_number_;
  lock.unlock();
  if (!file) return;
  const bool synced = file->sync() == 0;
  lock.lock();
  if (!synced) {
    const bool news = !std::exchange(sync_failed_, true);
    lock.unlock();
    if (news) log::error("the spool for the upstream could not be made durable; a loss of power would lose it");
    return;
  }
  if (sync_failed_ || number <= synced_number_) return;
  synced_number_ = number;
  for (const LanePointer& lane : std::exchange(unsafe_, {})) {
    lane->unsafe_ = false;
    if (lane->source_ != nullptr) note_custody(*lane);
  }
  saved_.notify_all();
  tell(lock);
}

void ForwardQueue::run_sync() {
  ::pthread_setname_np(::pthread_self(), "forward sync");
  for (int syncs = 1;; ++syncs) {
    {
      Lock lock(mutex_);
      if (sync_due_.wait_for(lock, kSyncInterval, [this] { return stop_; })) return;
    }
    if (syncs % kSyncsPerNote == 0) {
      sync();
    } else {
      make_durable();
    }
  }
}

}  // namespace lc::processor
