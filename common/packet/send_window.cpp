#include "common/packet/send_window.h"

#include <algorithm>

namespace lc::packet {

SendWindow::SendWindow(std::string hunter_id, std::uint64_t epoch, Limits limits)
    : hunter_id_(std::move(hunter_id)), epoch_(epoch), limits_(limits) {}

void SendWindow::publish() {
  unsent_packets_.store(usage_.unsent_packets);
  bytes_.store(usage_.bytes);
}

void SendWindow::push(BatchBuilder& batch, BatchStats stats, std::int64_t now_ns) {
  stats.buffer_usage = usage_percent();
  const std::lock_guard lock(mutex_);
  const EncodedBatch& sealed = batches_.emplace_back(batch.seal({.hunter_id = hunter_id_,
                                                                 .sequence = usage_.last_sequence + 1,
                                                                 .timestamp_ns = now_ns,
                                                                 .stats = stats,
                                                                 .epoch = epoch_}));
  ++usage_.last_sequence;
  usage_.bytes += sealed.bytes.size;
  usage_.packets += sealed.packets;
  usage_.unsent_packets += sealed.packets;
  publish();
}

bool SendWindow::may_send() const {
  if (sent_ == batches_.size()) return false;
  switch (flow_.load(std::memory_order_relaxed)) {
    case Flow::kPause:
      return false;
    case Flow::kSlow:
      return sent_bytes_ < limits_.slow_bytes;
    case Flow::kContinue:
      break;
  }
  return true;
}

std::optional<EncodedBatch> SendWindow::next() {
  const std::lock_guard lock(mutex_);
  if (!may_send()) return std::nullopt;
  const EncodedBatch& batch = batches_[sent_];
  ++sent_;
  sent_bytes_ += batch.bytes.size;
  highest_sent_ = std::max(highest_sent_, batch.sequence);
  usage_.unsent_packets -= batch.packets;
  publish();
  return batch;
}

bool SendWindow::has_next() const {
  const std::lock_guard lock(mutex_);
  return may_send();
}

void SendWindow::rewind(std::uint64_t resume_after) {
  const std::lock_guard lock(mutex_);
  forget(resume_after);
  sent_ = 0;
  sent_bytes_ = 0;
  usage_.unsent_packets = usage_.packets;
  publish();
}

void SendWindow::acknowledge(std::uint64_t sequence) {
  const std::lock_guard lock(mutex_);
  forget(sequence);
  publish();
}

// What an earlier stream had sent may be acknowledged before this stream has sent it again. It must count then: the
// receiver says each number once.
void SendWindow::forget(std::uint64_t sequence) {
  if (sequence > highest_sent_) return;
  while (!batches_.empty() && batches_.front().sequence <= sequence) {
    const EncodedBatch& batch = batches_.front();
    usage_.acknowledged = batch.sequence;
    usage_.bytes -= batch.bytes.size;
    usage_.packets -= batch.packets;
    usage_.acknowledged_packets += batch.packets;
    if (sent_ > 0) {
      sent_bytes_ -= batch.bytes.size;
      --sent_;
    } else {
      usage_.unsent_packets -= batch.packets;
    }
    batches_.pop_front();
  }
}

void SendWindow::set_flow(Flow flow) {
  flow_.store(flow, std::memory_order_relaxed);
}

// Sequentially consistent throughout: a capture loop announces itself (SinkListener::waiting) and then asks here, and
// whoever changes these values looks at the announcement afterwards. One of the two must see the other.
FlowSignal SendWindow::signal() const {
  const std::uint64_t unsent = unsent_packets_.load();
  if (unsent >= limits_.queue_packets || bytes_.load() >= limits_.window_bytes) return FlowSignal::kFull;
  const Writer writer = writer_.load();
  if (unsent > 0 || writer == Writer::kAway) return FlowSignal::kBehind;
  return writer == Writer::kIdle ? FlowSignal::kIdle : FlowSignal::kBusy;
}

SendWindow::Usage SendWindow::usage() const {
  const std::lock_guard lock(mutex_);
  return usage_;
}

std::uint32_t SendWindow::usage_percent() const {
  const std::uint64_t queue = unsent_packets_.load(std::memory_order_relaxed) * 100 / limits_.queue_packets;
  const std::uint64_t window = bytes_.load(std::memory_order_relaxed) * 100 / limits_.window_bytes;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(100, std::max(queue, window)));
}

bool SendWindow::empty() const {
  const std::lock_guard lock(mutex_);
  return batches_.empty();
}

}  // namespace lc::packet
