// Packets that come in. Back-pressure: the writer's queue is bounded by not reading from hunters. Well before that they
// are told to slow down or pause, so that their packets wait where there is a window and a kernel ring for them.
#include <algorithm>
#include <utility>

#include "common/base/text.h"
#include "processord/engine/engine.h"

namespace lc::processor {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;
// Of the writer's queue, all hunters together.
constexpr std::size_t kLow = 16 * kMiB;
constexpr std::size_t kSlow = 32 * kMiB;
constexpr std::size_t kPause = 48 * kMiB;
constexpr std::size_t kFull = 64 * kMiB;
// Of one hunter, so that one that floods does not take the queue from the others.
constexpr std::size_t kHunterFull = 16 * kMiB;

// Batches of one hunter that wait for room on the way to the parent: each new stream brings one, before it is held.
// What is captured here is bounded by its own queue, and has no other place to go.
constexpr std::size_t kMostWaiting = 4;

// Hysteresis: up at kSlow and kPause, down only below kLow.
FlowLevel flow_for(std::size_t queued, FlowLevel before) {
  if (queued >= kPause) return FlowLevel::kPause;
  if (queued >= kSlow && before == FlowLevel::kContinue) return FlowLevel::kSlow;
  return queued < kLow ? FlowLevel::kContinue : before;
}

std::uint64_t captured_bytes(const packet::Batch& batch) {
  std::uint64_t bytes = 0;
  for (const packet::PacketEntry& packet : batch.packets()) bytes += packet.captured;
  return bytes;
}

}  // namespace

Result<Engine::Verdict> Engine::accept(const Ingest& ingest, packet::Batch batch) {
  if (stopping_) return Verdict::kHold;  // and not taken: the hunter keeps it
  const packet::BatchHeader& header = batch.header();
  Hunter& hunter = *ingest.hunter;
  if (header.hunter_id != hunter.hunter_id() || header.epoch != ingest.epoch) {
    return Error{Code::kInvalidArgument, "a packet stream carries the batches of one hunter and epoch"};
  }
  const std::uint64_t packets = batch.packets().size();
  batch.set_source(hunter.path());
  auto shared = std::make_shared<const packet::Batch>(std::move(batch));
  {
    // A hunter that connects again may have two streams for a moment: what is noted first must be queued first.
    const std::lock_guard lock(hunter.arrival_order);
    if (hunter.forward.waiting.size() >= kMostWaiting && !is_local(hunter)) {
      return Error{Code::kResourceExhausted, "there is no room on the way to the upstream processor"};
    }
    switch (hunter.arrived(ingest.epoch, ingest.incarnation, shared->header().sequence)) {
      case Hunter::Arrival::kVoidStream:
        return Error{Code::kAborted, "hunter " + quoted(hunter.id()) + " must register again"};
      case Hunter::Arrival::kDuplicate:
        duplicates_ += packets;
        return Verdict::kGoOn;
      case Hunter::Arrival::kStored:
        duplicates_ += packets;
        forwarder_->push(hunter, *shared);
        break;
      case Hunter::Arrival::kNew:
        received_ += packets;
        received_bytes_ += captured_bytes(*shared);
        if (forwarder_) forwarder_->push(hunter, *shared);
        store(ingest, shared);
    }
  }
  if (forwarder_) forwarder_->queue().tell_news();
  update_flow();
  return verdict(ingest);
}

void Engine::store(const Ingest& ingest, const std::shared_ptr<const packet::Batch>& batch) {
  hub_.publish(batch);
  followed_calls_.push(batch);
  if (virtual_interface_) virtual_interface_->push(batch);
  if (!call_stage_.sorts()) writer_.push(ingest.hunter, ingest.incarnation, batch);
  call_stage_.push({ingest.hunter, ingest.incarnation, batch});
}

Engine::Verdict Engine::verdict(const Ingest& ingest) {
  Hunter& hunter = *ingest.hunter;
  if (queued_bytes() < kFull && hunter.queued_bytes < kHunterFull && !hunter.awaits_forwarding) return Verdict::kGoOn;
  hunter.hold(ingest.peer);
  any_held_ = true;
  // The writer may have made room before it could see us; otherwise what is still queued will bring it here again.
  return has_room(hunter) && hunter.release(ingest.peer) ? Verdict::kGoOn : Verdict::kHold;
}

bool Engine::is_local(const Hunter& hunter) const {
  return settings_.local_hunter && settings_.local_hunter->id == hunter.id();
}

std::size_t Engine::queued_bytes() const {
  return writer_.queued_bytes() + (call_stage_.sorts() ? call_stage_.queued_bytes() : 0);
}

bool Engine::has_room(const Hunter& hunter) const {
  return queued_bytes() <= kSlow && hunter.queued_bytes <= kHunterFull / 2 && !hunter.awaits_forwarding;
}

void Engine::release_held() {
  if (queued_bytes() > kSlow || !any_held_.exchange(false)) return;
  for (const auto& hunter : senders()) {
    if (!has_room(*hunter)) any_held_ = true;  // perhaps it is this one
    // Asked again: who has made room meanwhile has seen that nobody waits.
    if (!has_room(*hunter)) continue;
    if (const auto peer = hunter->release()) peer->resume_reading();
  }
}

void Engine::retry_forwarding() {
  if (!forwarder_) return;
  forwarder_->retried();
  for (const auto& hunter : senders()) forwarder_->retry(*hunter);
  forwarder_->queue().tell_news();
  release_held();
}

// Looks again after each change: the queue may have been drained between the look and the change, and a pause that was
// announced then would be ended by nobody.
void Engine::update_flow() {
  bool changed = false;
  for (;;) {
    FlowLevel before = flow_.load();
    const FlowLevel now = flow_for(queued_bytes(), before);
    if (now == before) break;
    if (flow_.compare_exchange_strong(before, now)) changed = true;
  }
  if (!changed) return;
  feed_.status_changed();
  for (const auto& hunter : senders()) {
    if (const auto peer = hunter->peer()) peer->control_changed();
  }
}

Engine::Control Engine::control(const Ingest& ingest) const {
  const Positions positions = ingest.hunter->positions();
  // The stream may be an old one, of a hunter that has begun a new epoch since.
  return {.acknowledged = positions.epoch == ingest.epoch ? positions.custody : 0, .flow = flow_.load()};
}

}  // namespace lc::processor
