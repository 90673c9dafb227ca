// The queue gives batches in order, and one thread at a time hands them on: the engine would take one that comes late
// for a repetition.
#include "processord/engine/local_hunter.h"

#include <cassert>
#include <utility>

#include "common/base/log.h"

namespace lc::processor {

std::shared_ptr<LocalHunter> LocalHunter::open(Engine& engine, packet::SendQueue::Limits limits) {
  auto hunter = std::make_shared<LocalHunter>(engine, engine.settings().local_hunter.value(), limits);
  hunter->settle();
  return hunter;
}

LocalHunter::LocalHunter(Engine& engine, const fleet::HunterDescription& description, packet::SendQueue::Limits limits)
    : engine_(engine),
      hunter_(engine.hunters().find(description.id)),
      queue_(description.id, description.epoch, limits) {
  // Nothing is ever being written: what there is goes at once when there is no more to read.
  queue_.set_writer(packet::SendQueue::Writer::kIdle);
}

void LocalHunter::submit(packet::BatchBuilder& batch, const packet::BatchStats& stats) {
  queue_.push(batch, stats, wall_ns());
  settle();
}

void LocalHunter::settle() {
  work_.run([this] { hand_over(); });
}

void LocalHunter::hand_over() {
  if (closed_.exchange(false) && !attach()) return;
  if (!ingest_) return;
  const Engine::Control control = engine_.control(*ingest_);
  queue_.acknowledge(control.acknowledged);
  queue_.set_flow(static_cast<packet::Flow>(control.flow));
  while (!held_ && !closed_ && !stopped_) {
    const std::optional<packet::EncodedBatch> encoded = queue_.next();
    if (!encoded) break;
    Result<packet::Batch> batch = packet::Batch::parse(encoded->bytes);
    assert(batch.ok());  // of our own making
    held_ = true;        // before: resume_reading() may come before accept() returns
    const Result<Engine::Verdict> verdict = engine_.accept(*ingest_, std::move(*batch));
    if (!verdict) {
      closed_ = true;  // the engine says why by close(), just before or after
      settle();
    } else if (*verdict == Engine::Verdict::kGoOn) {
      held_ = false;
    }
  }
  notify();
}

// What the engine had not stored when it closed the stream comes again. False: it has stopped, and lets go of us.
bool LocalHunter::attach() {
  if (ingest_) {
    queue_.acknowledge(engine_.control(*ingest_).acknowledged);
    engine_.detach(*ingest_, this);
    ingest_.reset();
  }
  Result<Ingest> ingest = engine_.attach({.hunter_id = queue_.hunter_id(),
                                          .sequence = 0,
                                          .timestamp_ns = 0,
                                          .stats = {},
                                          .epoch = queue_.epoch(),
                                          .filter_revision = 0},
                                         shared_from_this());
  if (!ingest) return false;
  held_ = false;
  ingest_ = std::move(*ingest);
  queue_.rewind(engine_.control(*ingest_).acknowledged);
  return true;
}

void LocalHunter::resume_reading() {
  held_ = false;
  settle();
}

void LocalHunter::close(const Error& reason) {
  if (!stopped_) {
    log::warning("what is captured here and not stored yet is handed over again", {{"reason", reason.text}});
  }
  closed_ = true;
  settle();
}

void LocalHunter::notify() {
  changed_.notify_all();
  if (queue_.signal() == packet::FlowSignal::kFull) return;
  const std::lock_guard lock(listeners_mutex_);
  for (packet::SinkListener* listener : listeners_) listener->notify();
}

void LocalHunter::add_listener(packet::SinkListener& listener) {
  const std::lock_guard lock(listeners_mutex_);
  listeners_.push_back(&listener);
}

void LocalHunter::remove_listener(packet::SinkListener& listener) {
  const std::lock_guard lock(listeners_mutex_);
  std::erase(listeners_, &listener);
}

void LocalHunter::beat(capture::Report report) {
  engine_.heard_beat(*hunter_, report.status, std::move(report.stats));
}

bool LocalHunter::finish(std::chrono::milliseconds limit, const std::function<bool()>& cancelled) {
  constexpr auto kLook = std::chrono::milliseconds(50);
  const auto end = Clock::now() + limit;
  while (!queue_.empty() && Clock::now() < end && !cancelled()) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kLook);
  }
  return queue_.empty();
}

}  // namespace lc::processor
