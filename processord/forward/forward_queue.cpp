// The memory side; forward_disk.cpp has the disk's threads. A lane that can't move (its stream is away, its flow is
// paused) must stop nobody else, so no bound is met first come, first served: a lane may hold as much memory as is
// still free, which leaves a part for the next one however many there are, and one batch in any case.
#include "processord/forward/forward_queue.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "processord/forward/forward_record.h"

namespace lc::processor {
namespace {

// Of one key. What comes again of one of them is known as such.
constexpr std::size_t kKnownEpochs = 4;
// Keys, if the oldest of them have nothing under way; the journal remembers about as many.
constexpr std::size_t kKnownSources = 11'000;

}  // namespace

ForwardQueue::ForwardQueue(Limits limits, Events events, const TimeSource& time)
    : ForwardQueue(limits, nullptr, {}, std::move(events), time) {}

ForwardQueue::ForwardQueue(Limits limits, std::unique_ptr<spool::RecordLog> log, Spooling how, Events events,
                           const TimeSource& time)
    : limits_(limits), log_(std::move(log)), how_(how), events_(std::move(events)), time_(time) {
  if (!log_) return;
  away_since_ = time_.now();
  recover();
}

ForwardQueue::~ForwardQueue() {
  end_threads();
}

ForwardQueue::LanePointer ForwardQueue::find(const Origin& origin) const {
  const auto source = sources_.find(origin.key);
  if (source == sources_.end()) return nullptr;
  for (const LanePointer& lane : source->second.lanes) {
    if (lane->origin_.epoch == origin.epoch) return lane;
  }
  return nullptr;
}

Lane& ForwardQueue::find_or_make(const Origin& origin) {
  assert(origin.key.size() <= Origin::kMaxKeyBytes);
  if (const LanePointer known = find(origin)) return *known;
  if (sources_.size() >= kKnownSources && !sources_.contains(origin.key)) forget_idle_source();
  Lane::Source& source = sources_[origin.key];
  source.lanes.push_back(std::make_shared<Lane>(origin));
  Lane& lane = *source.lanes.back();
  lane.source_ = &source;
  if (source.lanes.size() > kKnownEpochs) {
    const auto done = std::find_if(source.lanes.begin(), source.lanes.end() - 1,
                                   [](const LanePointer& old) { return old->places_.empty(); });
    if (done != source.lanes.end() - 1) {
      forget(**done);
      source.lanes.erase(done);
    }
  }
  return lane;
}

void ForwardQueue::forget_idle_source() {
  auto oldest = sources_.end();
  for (auto source = sources_.begin(); source != sources_.end(); ++source) {
    const auto& lanes = source->second.lanes;
    if (!std::all_of(lanes.begin(), lanes.end(), [](const LanePointer& lane) { return lane->places_.empty(); }))
      continue;
    if (oldest == sources_.end() || source->second.last_push < oldest->second.last_push) oldest = source;
  }
  if (oldest == sources_.end()) return;
  for (const LanePointer& lane : oldest->second.lanes) forget(*lane);
  sources_.erase(oldest);
}

void ForwardQueue::forget(Lane& lane) {
  lane.source_ = nullptr;
  if (std::exchange(lane.storing_, false)) --storing_lanes_;
}

bool ForwardQueue::may_grow(const Lane& lane, std::size_t bytes) const {
  return lane.window_.empty() || has_room(lane, bytes);
}

bool ForwardQueue::has_room(const Lane& lane, std::size_t bytes) const {
  return lane.window_.size().bytes + bytes + window_bytes_ <= limits_.window_bytes;
}

bool ForwardQueue::follows_window(const Lane& lane, std::size_t bytes) const {
  return lane.alone() == 0 && lane.tail_ == 0 && may_grow(lane, bytes);
}

// A tail of that size means that the disk can't keep up.
bool ForwardQueue::accepts(const Lane& lane, std::size_t bytes) const {
  return follows_window(lane, bytes) || (log_ && tail_bytes_ < limits_.window_bytes / 4);
}

void ForwardQueue::tell_news() {
  Lock lock(mutex_);
  tell(lock);
}

ForwardQueue::Taken ForwardQueue::take(const Origin& origin, packet::EncodedBatch batch) {
  const std::lock_guard lock(mutex_);
  Lane& lane = find_or_make(origin);
  if (batch.sequence <= lane.last_) return Taken::kRepeated;
  const std::size_t bytes = batch.bytes.size;
  if (!accepts(lane, bytes)) {
    if (lane.refused_bytes_ == 0) refused_.push_back(lane.shared_from_this());
    lane.refused_bytes_ = std::max<std::size_t>(bytes, 1);
    return Taken::kRefused;
  }
  if (log_ && (everything_ || !may_grow(lane, bytes))) begin_storing(lane);
  const bool in_window = follows_window(lane, bytes);
  if (totals_.in_flight == 0) progress_at_ = time_.now();
  lane.source_->last_push = ++arrivals_;
  lane.last_ = batch.sequence;
  lane.places_.push_back({.number = arrivals_,
                          .sequence = batch.sequence,
                          .payload_bytes = static_cast<std::uint32_t>(batch_record_bytes(origin.key, batch.bytes.size)),
                          .packets = batch.packets});
  ++lane.unwritten_;
  unwritten_packets_ += lane.storing_ ? batch.packets : 0;
  totals_.pushed += batch.packets;
  totals_.in_flight += batch.packets;
  if (lane.storing_) unwritten_.emplace_hint(unwritten_.end(), arrivals_, Waiting{&lane, batch, in_window});
  if (in_window) {
    put_in_window(lane, std::move(batch));
  } else {
    ++lane.tail_;
    tail_bytes_ += bytes;
  }
  note_sendable(lane);
  wake_disk();
  return Taken::kNew;
}

void ForwardQueue::begin_storing(Lane& lane) {
  if (std::exchange(lane.storing_, true)) return;
  ++storing_lanes_;
  for (std::size_t i = lane.written(); i < lane.places_.size(); ++i) {
    const packet::EncodedBatch batch = lane.window_.after(lane.places_[i].sequence - 1, 1).front();
    unwritten_packets_ += batch.packets;
    unwritten_.emplace(lane.places_[i].number, Waiting{&lane, batch, true});
  }
}

void ForwardQueue::begin_storing_all() {
  everything_ = true;
  for (const auto& [key, source] : sources_) {
    for (const LanePointer& lane : source.lanes) {
      if (!lane->places_.empty()) begin_storing(*lane);
    }
  }
}

// When everything it has is in memory and there is room again. What custody was given for stays on disk until it is
// acknowledged; the rest need not go there.
void ForwardQueue::leave_disk(Lane& lane) {
  if (!lane.storing_ || everything_ || lane.alone() > 0 || lane.tail_ > 0) return;
  if (!lane.places_.empty() && !has_room(lane, lane.window_.size().bytes)) return;
  lane.storing_ = false;
  --storing_lanes_;
  for (std::size_t i = lane.written(); i < lane.places_.size(); ++i) {
    const auto waiting = unwritten_.find(lane.places_[i].number);
    unwritten_packets_ -= waiting->second.batch.packets;
    unwritten_.erase(waiting);
  }
}

void ForwardQueue::put_in_window(Lane& lane, packet::EncodedBatch batch) {
  window_bytes_ += batch.bytes.size;
  ++lane.loaded_;
  lane.window_.push(std::move(batch));
}

// It is the first of its lane's tail, and nothing of that is on disk alone.
void ForwardQueue::leave_tail(Waiting& waiting) {
  --waiting.lane->tail_;
  tail_bytes_ -= waiting.batch.bytes.size;
  waiting.in_window = true;
  put_in_window(*waiting.lane, waiting.batch);
}

std::uint64_t ForwardQueue::custody(const Origin& origin) const {
  const std::lock_guard lock(mutex_);
  const LanePointer lane = find(origin);
  return lane ? lane->custody_ : 0;
}

void ForwardQueue::set_connected(bool connected) {
  Lock lock(mutex_);
  if (connected_ == connected) return;
  connected_ = connected;
  if (log_) away_since_ = connected ? std::nullopt : std::optional(time_.now());
  progress_at_ = time_.now();
  everything_ = saving_;
  for (auto& [key, source] : sources_) {
    for (const LanePointer& lane : source.lanes) {
      lane->told_ = connected && is_current(*lane);
      if (lane->told_) news_.sendable.push_back(lane);
      if (connected) leave_disk(*lane);
    }
  }
  wake_disk();
  tell(lock);
}

bool ForwardQueue::is_connected() const {
  const std::lock_guard lock(mutex_);
  return connected_;
}

bool ForwardQueue::is_current(const Lane& lane) {
  if (lane.places_.empty() || lane.source_ == nullptr) return false;
  const auto& lanes = lane.source_->lanes;
  const auto first =
      std::find_if(lanes.begin(), lanes.end(), [](const LanePointer& other) { return !other->places_.empty(); });
  return first->get() == &lane;
}

bool ForwardQueue::may_send(const Lane& lane) const {
  if (lane.window_.next() == nullptr || lane.flow_ == packet::Flow::kPause || !is_current(lane)) return false;
  return lane.flow_ != packet::Flow::kSlow || lane.window_.size().sent_bytes() < limits_.slow_bytes;
}

std::optional<packet::EncodedBatch> ForwardQueue::next(const LanePointer& lane) {
  Lock lock(mutex_);
  if (!may_send(*lane)) {
    lane->told_ = false;
    return std::nullopt;
  }
  packet::EncodedBatch batch = *lane->window_.next();
  lane->window_.sent();
  note_hungry(*lane);
  wake_disk();
  return batch;
}

bool ForwardQueue::has_next(const LanePointer& lane) const {
  const std::lock_guard lock(mutex_);
  return may_send(*lane);
}

// What the parent says here is believed even if this process has sent nothing of it: an earlier one may have.
void ForwardQueue::rewind(const LanePointer& lane, std::uint64_t resume_after) {
  Lock lock(mutex_);
  if (lane->source_ == nullptr) return;
  lane->last_ = std::max(lane->last_, resume_after);
  lane->flow_ = packet::Flow::kContinue;
  lane->window_.rewind();
  forget(*lane, resume_after);
  tell(lock);
}

// What an earlier stream, or process, had sent may be acknowledged before it is sent again. It must count then: the
// parent says each number once.
void ForwardQueue::acknowledge(const LanePointer& lane, std::uint64_t sequence) {
  Lock lock(mutex_);
  if (lane->source_ == nullptr) return;
  forget(*lane, std::min(sequence, lane->last_));
  tell(lock);
}

void ForwardQueue::set_flow(const LanePointer& lane, packet::Flow flow) {
  Lock lock(mutex_);
  lane->flow_ = flow;
  note_sendable(*lane);
  tell(lock);
}

void ForwardQueue::stream_ended(const LanePointer& lane) {
  Lock lock(mutex_);
  lane->told_ = false;
  note_sendable(*lane);
  tell(lock);
}

bool ForwardQueue::pending(const LanePointer& lane) const {
  const std::lock_guard lock(mutex_);
  return !lane->places_.empty();
}

void ForwardQueue::forget(Lane& lane, std::uint64_t sequence) {
  const bool news = sequence > lane.acknowledged_;
  if (news) {
    lane.acknowledged_ = sequence;
    progress_at_ = time_.now();
    if (connected_ && everything_ && !saving_) {  // it had stalled
      everything_ = false;
      for (auto& [key, source] : sources_) {
        for (const LanePointer& other : source.lanes) leave_disk(*other);
      }
    }
    while (!lane.places_.empty() && lane.places_.front().sequence <= sequence) forget_front(lane);
    window_bytes_ -= lane.window_.size().bytes;
    lane.window_.forget(sequence);
    window_bytes_ += lane.window_.size().bytes;
    note_front(lane);
    note_custody(lane);
    if (lane.places_.empty()) now_empty(lane);
    leave_disk(lane);
    if (lane.refused_bytes_ > 0 && accepts(lane, lane.refused_bytes_)) note_room();
  }
  note_hungry(lane);
  note_sendable(lane);
  wake_disk();
}

void ForwardQueue::forget_front(Lane& lane) {
  const Lane::Place& front = lane.places_.front();
  totals_.in_flight -= front.packets;
  totals_.acknowledged += front.packets;
  if (lane.written() > 0) {
    release_due_ = true;
    if (!std::exchange(lane.unnoted_, true)) unnoted_.push_back(lane.shared_from_this());
  }
  if (lane.loaded_ > 0) --lane.loaded_;
  if (lane.written() == 0) stop_waiting(lane, front.number);
  lane.places_.pop_front();
}

// For the disk, of a batch that is not needed there any more.
void ForwardQueue::stop_waiting(Lane& lane, std::uint64_t arrival) {
  --lane.unwritten_;
  if (!lane.storing_) return;
  const auto waiting = unwritten_.find(arrival);
  unwritten_packets_ -= waiting->second.batch.packets;
  if (!waiting->second.in_window) {
    --lane.tail_;
    tail_bytes_ -= waiting->second.batch.bytes.size;
  }
  unwritten_.erase(waiting);
}

void ForwardQueue::now_empty(Lane& lane) {
  for (const LanePointer& next : lane.source_->lanes) {
    if (!is_current(*next)) continue;
    note_hungry(*next);
    note_sendable(*next);
  }
}

void ForwardQueue::note_front(Lane& lane) {
  const std::uint64_t front = lane.written() > 0 ? lane.places_.front().number : 0;
  if (front == lane.indexed_) return;
  if (lane.indexed_ != 0) fronts_.erase(lane.indexed_);
  if (front != 0) fronts_.emplace(front, &lane);
  lane.indexed_ = front;
}

// Of what follows something that is neither acknowledged nor safe on disk, nothing counts.
void ForwardQueue::note_custody(Lane& lane) {
  const auto written = lane.places_.begin() + static_cast<std::ptrdiff_t>(lane.written());
  const auto first_unsafe =
      how_.sync ? std::upper_bound(lane.places_.begin(), written, synced_number_,
                                   [](std::uint64_t number, const Lane::Place& place) { return number < place.number; })
                : written;
  std::uint64_t custody = lane.acknowledged_;
  if (first_unsafe == lane.places_.end()) {
    custody = lane.last_;
  } else if (first_unsafe != lane.places_.begin()) {
    custody = std::prev(first_unsafe)->sequence;
  }
  if (first_unsafe != written && !std::exchange(lane.unsafe_, true)) unsafe_.push_back(lane.shared_from_this());
  if (custody <= lane.custody_) return;
  lane.custody_ = custody;
  if (!std::exchange(lane.custody_news_, true)) news_.custody.push_back(lane.shared_from_this());
}

void ForwardQueue::note_sendable(Lane& lane) {
  if (lane.told_ || !may_send(lane)) return;
  lane.told_ = true;
  news_.sendable.push_back(lane.shared_from_this());
}

void ForwardQueue::note_hungry(Lane& lane) {
  if (lane.hungry_ || !wants_load(lane)) return;
  lane.hungry_ = true;
  hungry_.push_back(lane.shared_from_this());
}

void ForwardQueue::note_room() {
  std::erase_if(refused_, [this](const LanePointer& lane) {
    if (!accepts(*lane, lane->refused_bytes_)) return false;
    lane->refused_bytes_ = 0;
    news_.room.push_back(lane->origin_);
    return true;
  });
}

void ForwardQueue::tell(Lock& lock) {
  const News news = std::exchange(news_, {});
  for (const LanePointer& lane : news.custody) lane->custody_news_ = false;
  lock.unlock();
  for (const LanePointer& lane : news.custody) events_.custody_grew(lane->origin());
  for (const LanePointer& lane : news.sendable) events_.sendable(lane);
  for (const Origin& origin : news.room) events_.room(origin);
}

ForwardQueue::Usage ForwardQueue::usage() const {
  const std::lock_guard lock(mutex_);
  Usage usage;
  static_cast<ForwardCounts&>(usage) = totals_;
  usage.bytes = window_bytes_ + tail_bytes_;
  usage.unwritten_packets = unwritten_packets_;
  usage.spool_bytes = spool_bytes_;
  usage.origins = sources_.size();
  return usage;
}

ForwardQueue::Progress ForwardQueue::progress() const {
  const std::lock_guard lock(mutex_);
  if (!no_progress()) return Progress::kGood;
  return everything_ && !sync_failed_ && unwritten_.empty() ? Progress::kSpooled : Progress::kNone;
}

std::string ForwardQueue::fault() const {
  const std::lock_guard lock(mutex_);
  return write_fault_.empty() ? read_fault_ : write_fault_;
}

// Of what is written: the window still has what was dropped on disk to make room, and can't put it there again.
std::uint64_t ForwardQueue::lost_if_killed() const {
  std::uint64_t packets = unwritten_packets_;
  for (const auto& [number, lane] : fronts_) {
    if (number >= first_on_disk_) break;
    for (std::size_t i = 0; i < lane->written() && lane->places_[i].number < first_on_disk_; ++i) {
      packets += lane->places_[i].packets;
    }
  }
  return packets;
}

std::uint64_t ForwardQueue::save(std::chrono::milliseconds limit) {
  Lock lock(mutex_);
  if (!log_) return totals_.in_flight;
  saving_ = true;
  begin_storing_all();
  work_.notify_one();
  saved_.wait_for(lock, limit, [this] { return stop_ || unwritten_.empty(); });
  const std::uint64_t left = lost_if_killed();
  lock.unlock();
  sync();
  return left;
}

}  // namespace lc::processor
