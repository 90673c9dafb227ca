// Custody means: committed. A batch leaves memory once it is written, and what is written but not yet committed is
// known only by its position. If the system loses that (fdatasync fails), the positions fall back to the last commit
// and the streams are closed, so that the hunters, which still have those batches, send them again. A process that is
// killed does the same at its next start: the journal has the positions, and cuts the files back to them.
#include "processord/engine/capture_writer.h"

#include <pthread.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/log.h"

namespace lc::processor {
namespace {

using namespace std::chrono_literals;

constexpr auto kCommitInterval = 100ms;
// With the files of calls: as much longer as writing thousands of them takes longer, within what a hunter's window
// holds.
constexpr auto kCommitIntervalPerCallFile = 1ms;
constexpr auto kLongestCommitInterval = 1000ms;
constexpr std::size_t kFewCallFiles = 16;  // which cost little to write
constexpr std::size_t kCommitBytes = std::size_t{8} << 20;
constexpr std::uint64_t kCommitBatches = 16;  // where a commit costs nothing but the acknowledgement
// Where nothing is stored, so that nobody waits for a file: until there are so many, or for so long.
constexpr auto kGathering = 20ms;
constexpr auto kRetryInterval = 500ms;

}  // namespace

CaptureWriter::CaptureWriter(std::unique_ptr<CaptureOutput> output, std::string path, SyncPolicy policy, Events events)
    : output_(std::move(output)), path_(std::move(path)), policy_(policy), events_(std::move(events)) {}

CaptureWriter::~CaptureWriter() {
  stop();
}

void CaptureWriter::start() {
  thread_ = std::jthread([this] {
    ::pthread_setname_np(::pthread_self(), "writer");
    run();
  });
}

void CaptureWriter::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  arrived_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void CaptureWriter::push(std::shared_ptr<Hunter> hunter, std::uint64_t incarnation,
                         std::shared_ptr<const packet::Batch> batch, std::shared_ptr<const CallRoutes> routes) {
  const std::size_t bytes = batch->memory_bytes();
  hunter->queued_bytes += bytes;
  queued_bytes_ += bytes;
  counters_.in_flight += batch->packets().size();
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    wake = queue_.empty();
    queue_.push_back({std::move(hunter), incarnation, std::move(batch), std::move(routes), {}});
    if (!output_ && queue_.size() == kCommitBatches) wake = true;
  }
  if (wake) arrived_.notify_one();
}

void CaptureWriter::give(std::function<void(CaptureOutput&)> order) {
  {
    const std::lock_guard lock(mutex_);
    queue_.emplace_back().order = std::move(order);
  }
  arrived_.notify_one();
}

void CaptureWriter::end_call(std::shared_ptr<const CallLabel> call) {
  give([call = std::move(call)](CaptureOutput& output) { output.end_call(call); });
}

std::vector<std::string> CaptureWriter::interrupted_calls() const {
  return output_ ? output_->interrupted_calls() : std::vector<std::string>();
}

// Not being able to is no fault: the next process is told of files that it has no use for.
void CaptureWriter::forget_interrupted(std::vector<std::string> paths) {
  give([paths = std::move(paths)](CaptureOutput& output) {
    if (const Status forgotten = output.forget_interrupted(paths); !forgotten) log::warning(forgotten.error().text);
  });
}

void CaptureWriter::carry_out(Item& item) {
  const auto order = std::exchange(item.order, nullptr);
  if (order && output_) order(*output_);
}

void CaptureWriter::rotate() {
  {
    const std::lock_guard lock(mutex_);
    rotate_ = true;
  }
  arrived_.notify_one();
}

std::string CaptureWriter::fault() const {
  const std::lock_guard lock(mutex_);
  return fault_;
}

void CaptureWriter::set_fault(const std::string& text) {
  {
    const std::lock_guard lock(mutex_);
    if (fault_ == text) return;
    fault_ = text;
  }
  if (text.empty()) {
    log::info("capture file can be written again", {{"file", path_}});
  } else {
    log::error(text);
  }
  events_.fault_changed();
}

bool CaptureWriter::wait_for_work() {
  std::unique_lock lock(mutex_);
  const bool is_due = written_batches_ == 0 && output_ && output_->any_ended_calls();  // after start_over()
  const auto ready = [&] { return stop_ || rotate_ || is_due || !queue_.empty(); };
  auto until = Clock::time_point::max();
  if (output_) until = output_->rotation_at().value_or(until);
  if (written_batches_ > 0) until = std::min(until, first_written_at_ + commit_interval());
  if (until == Clock::time_point::max()) {
    arrived_.wait(lock, ready);
  } else {
    arrived_.wait_until(lock, until, ready);
  }
  if (!output_) arrived_.wait_for(lock, kGathering, [&] { return stop_ || queue_.size() >= kCommitBatches; });
  return !stop_ || !queue_.empty();
}

void CaptureWriter::run() {
  std::vector<Item> items;
  for (bool more = true; more;) {
    more = wait_for_work();
    {
      const std::lock_guard lock(mutex_);
      std::swap(items, queue_);
    }
    const bool stored = store(items) && (queued_bytes_ != 0 || flush()) &&
                        (more ? !commit_due() || commit() : commit()) && rotate_if_due();
    for (Item& item : items) {  // what a failing disk left over
      if (item.batch && !lost_.empty()) give_back(item.batch->packets().size());
      carry_out(item);
      leave_queue(item);
    }
    items.clear();
    if (!lost_.empty()) {
      start_over();
      if (!open_again()) break;
    } else if (!stored) {
      break;
    }
  }
  if (output_) {
    if (Status status = output_->close(); !status) log::error(status.error().text);
    if (Status status = output_->close_calls(); !status) log::error(status.error().text);
  }
}

bool CaptureWriter::store(std::vector<Item>& items) {
  for (Item& item : items) {
    if (!item.batch) {
      carry_out(item);
      continue;
    }
    if (item.hunter->positions().incarnation == item.incarnation) {
      if (!write(item)) return false;
      note_written(item);
    } else {
      give_back(item.batch->packets().size());
    }
    leave_queue(item);
    if (commit_due() && !commit()) return false;
    if (!rotate_if_due()) return false;
  }
  return true;
}

bool CaptureWriter::rotation_due() const {
  if (!output_) return false;
  if (rotate_.load(std::memory_order_relaxed)) return true;
  const std::optional<Clock::time_point> at = output_->rotation_at();
  return at && Clock::now() >= *at;
}

// A file ends with what is acknowledged.
bool CaptureWriter::rotate_if_due() {
  if (!rotation_due()) return true;
  if (!commit()) return false;
  while (output_->rotates()) {
    const Status status = output_->close();
    if (status) break;
    if (!recover(status.error())) return false;
  }
  set_fault("");
  rotate_ = false;
  return true;
}

void CaptureWriter::leave_queue(Item& item) {
  if (!item.batch) return;
  const std::size_t bytes = item.batch->memory_bytes();
  queued_bytes_ -= bytes;
  item.hunter->queued_bytes -= bytes;
  item = {};
  events_.drained();
}

bool CaptureWriter::write(const Item& item) {
  const std::uint64_t packets = item.batch->packets().size();
  CaptureOutput::Written now{.kept_nowhere = packets};
  while (output_) {
    const Result<CaptureOutput::Written> written = output_->write(*item.batch, item.routes.get());
    if (written) {
      now = *written;
      break;
    }
    if (!recover(written.error())) return false;
  }
  written_packets_ += now.stored;
  unkept_packets_ += now.kept_nowhere;
  left_out_packets_ += packets - now.stored - now.kept_nowhere;
  return true;
}

void CaptureWriter::note_written(const Item& item) {
  if (written_batches_++ == 0) first_written_at_ = Clock::now();
  written_bytes_ += item.batch->region().size;
  const packet::BatchHeader& header = item.batch->header();
  const auto known = std::find_if(written_.begin(), written_.end(),
                                  [&](const Written& w) { return w.hunter == item.hunter && w.epoch == header.epoch; });
  if (known == written_.end()) {
    written_.push_back({item.hunter, header.epoch, header.sequence});
  } else {
    known->sequence = header.sequence;
  }
}

// Readers of the file, and latency, want what is there now; a full buffer goes out by itself.
bool CaptureWriter::flush() {
  while (output_ && written_batches_ > 0) {
    const Status status = output_->flush();
    if (status) break;
    if (!recover(status.error())) return false;
  }
  return true;
}

Clock::duration CaptureWriter::commit_interval() const {
  if (!output_) return kCommitInterval;
  const auto interval = kCommitIntervalPerCallFile * static_cast<std::int64_t>(output_->dirty_call_files());
  return std::clamp<Clock::duration>(interval, kCommitInterval, kLongestCommitInterval);
}

bool CaptureWriter::commit_due() const {
  if (written_batches_ == 0) return output_ && output_->any_ended_calls();
  if (Clock::now() - first_written_at_ >= commit_interval() || written_bytes_ >= kCommitBytes) return true;
  if (output_ && policy_ == SyncPolicy::kInterval) return false;
  const bool is_cheap = !output_ || output_->dirty_call_files() <= kFewCallFiles;
  return (written_batches_ >= kCommitBatches && is_cheap) || (policy_ == SyncPolicy::kAlways && queued_bytes_ == 0);
}

// A peer without epochs starts again at any number: its position says nothing.
std::vector<StoredPosition> CaptureWriter::positions() const {
  std::vector<StoredPosition> positions;
  positions.reserve(written_.size());
  for (const Written& written : written_) {
    if (written.epoch != 0) positions.push_back({written.hunter->id(), written.epoch, written.sequence});
  }
  return positions;
}

bool CaptureWriter::commit() {
  if (written_batches_ == 0) return finish_ended_calls();
  while (output_) {
    const Status status = output_->commit(positions());
    if (status) break;
    if (!recover(status.error())) return false;
  }
  set_fault("");
  counters_.stored += written_packets_;
  counters_.live_only += unkept_packets_;
  counters_.dropped.add(DropReason::kMalformed, left_out_packets_);
  counters_.in_flight -= written_packets_ + unkept_packets_ + left_out_packets_;
  written_packets_ = unkept_packets_ = left_out_packets_ = written_batches_ = 0;
  written_bytes_ = 0;
  for (const Written& written : written_) {
    written.hunter->stored(written.epoch, written.sequence);
    events_.custody_grew(*written.hunter);
  }
  written_.clear();
  return finish_ended_calls();
}

bool CaptureWriter::finish_ended_calls() {
  while (output_ && output_->any_ended_calls()) {
    const Status finished = output_->finish_ended_calls();
    if (finished) {
      set_fault("");
    } else if (!recover(finished.error())) {
      return false;
    }
  }
  return true;
}

// True: try again.
bool CaptureWriter::recover(const Error& error) {
  set_fault(error.text);
  if (error.code == Code::kDataLoss) {
    lost_ = error.text;
    return false;
  }
  return wait_to_retry();
}

bool CaptureWriter::wait_to_retry() {
  std::unique_lock lock(mutex_);
  arrived_.wait_for(lock, kRetryInterval, [this] { return stop_; });
  return !stop_;
}

// Everything that is queued, or written but not committed, is void and will come again on new streams.
void CaptureWriter::start_over() {
  give_back(written_packets_ + unkept_packets_ + left_out_packets_);
  written_.clear();
  written_packets_ = unkept_packets_ = left_out_packets_ = written_batches_ = 0;
  written_bytes_ = 0;
  events_.unstored_lost(std::exchange(lost_, {}));
}

// The file holds what was committed, and takes nothing more: a new one follows it. Not at once, so that a disk on which
// that happens again and again does not turn hunters away at full speed. The fault lasts until a commit succeeds.
bool CaptureWriter::open_again() {
  if (!wait_to_retry()) return false;
  for (;;) {
    const Status opened = output_->start_anew();
    if (opened) return true;
    if (!recover(opened.error())) return false;
  }
}

void CaptureWriter::give_back(std::uint64_t packets) {
  counters_.in_flight -= packets;
  counters_.given_back += packets;
}

}  // namespace lc::processor
