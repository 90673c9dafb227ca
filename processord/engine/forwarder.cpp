#include "processord/engine/forwarder.h"

#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>

#include "common/base/log.h"
#include "common/capture/node.h"
#include "common/packet/wire_format.h"
#include "processord/engine/hunter_key.h"

namespace lc::processor {
namespace {

using namespace std::chrono_literals;

// At a stop: for the parent to acknowledge what it has, and for the disk to take the rest.
constexpr auto kLastAcknowledgements = 2s;
constexpr auto kSaveLimit = 10s;
constexpr auto kLook = 10ms;

// Sequences of a peer without epochs begin anew whenever it likes. Above, batches are told apart by theirs, so it is
// given one, as a field behind all others (https://protobuf.dev/programming-guides/encoding/#order).
packet::Region with_epoch(const packet::Region& bytes, std::uint64_t epoch) {
  using namespace packet::wire_format;
  constexpr std::size_t kMostMore = 2 * 10;  // a tag and a number, each a varint
  std::shared_ptr<std::uint8_t> copy(new std::uint8_t[bytes.size + kMostMore], std::default_delete<std::uint8_t[]>());
  std::copy_n(bytes.data, bytes.size, copy.get());
  const std::uint8_t* const end = put_number(copy.get() + bytes.size, kEpoch, epoch);
  return {copy, copy.get(), static_cast<std::size_t>(end - copy.get())};
}

Origin origin_of(const Hunter& hunter, std::uint64_t epoch) {
  return {hunter.is_relayed() ? *hunter.path() : hunter.id(), epoch};
}

ForwardQueue::Spooling spooling(const ForwardSettings& settings) {
  return {.fresh_epoch = capture::random_epoch(), .drop_newest = settings.spool.drop_newest, .sync = settings.sync};
}

}  // namespace

Forwarder::Forwarder(const ForwardSettings& settings, const std::string& owner, Events events, const TimeSource& time)
    : events_(std::move(events)),
      queue_(settings.limits, spool::open_spool(files_, settings.spool, owner), spooling(settings),
             {.sendable =
                  [this](const ForwardQueue::LanePointer& lane) {
                    if (sendable_) sendable_(lane);
                  },
              .custody_grew = [this](const Origin& origin) { custody_grew(origin); },
              .room = [this](const Origin&) { room_.wake(); }},
             time) {}

void Forwarder::start() {
  queue_.start();
}

void Forwarder::stop() {
  for (const auto end = Clock::now() + kLastAcknowledgements; Clock::now() < end;) {
    if (!queue_.is_connected() || queue_.usage().in_flight == 0) break;
    std::this_thread::sleep_for(kLook);
  }
  if (const std::uint64_t left = queue_.save(kSaveLimit); left > 0) {
    log::warning("packets that the upstream processor has not acknowledged stay with those who sent them",
                 {{"packets", left}});
  }
  queue_.stop();
}

void Forwarder::push(Hunter& hunter, const packet::Batch& batch) {
  const packet::BatchHeader& header = batch.header();
  ForwardState& state = hunter.forward;
  ForwardState::Waiting next{.epoch = header.epoch,
                             .batch = {.bytes = batch.region(),
                                       .sequence = header.sequence,
                                       .packets = static_cast<std::uint32_t>(batch.packets().size()),
                                       .timestamp_ns = header.timestamp_ns}};
  if (header.epoch == 0) {
    if (state.given_epoch == 0 || header.sequence <= state.sequence) {
      state.given_epoch = capture::random_epoch();
      hunter.forward_anew();
    }
    state.sequence = header.sequence;
    next.epoch = state.given_epoch;
    next.batch.bytes = with_epoch(next.batch.bytes, next.epoch);
  }
  if (state.waiting.empty() && take(hunter, next)) return;
  state.waiting.push_back(std::move(next));
  hunter.awaits_forwarding = true;
}

bool Forwarder::take(const Hunter& hunter, const ForwardState::Waiting& next) {
  return queue_.take(origin_of(hunter, next.epoch), next.batch) != ForwardQueue::Taken::kRefused;
}

void Forwarder::retry(Hunter& hunter) {
  if (!hunter.awaits_forwarding) return;
  const std::lock_guard lock(hunter.arrival_order);
  std::deque<ForwardState::Waiting>& waiting = hunter.forward.waiting;
  while (!waiting.empty() && take(hunter, waiting.front())) waiting.pop_front();
  if (waiting.empty()) hunter.awaits_forwarding = false;
}

void Forwarder::note_custody(Hunter& hunter) const {
  const std::uint64_t epoch = hunter.positions().epoch;
  hunter.forwarded(epoch, queue_.custody(origin_of(hunter, epoch == 0 ? hunter.forward.given_epoch.load() : epoch)));
}

void Forwarder::custody_grew(const Origin& origin) {
  const std::shared_ptr<Hunter> hunter = events_.find(hunter_key(origin.key, origin.epoch));
  if (!hunter) return;
  const std::uint64_t epoch = hunter->positions().epoch;
  if (origin.epoch != (epoch == 0 ? hunter->forward.given_epoch.load() : epoch)) return;
  hunter->forwarded(epoch, queue_.custody(origin));
  events_.custody_grew(*hunter);
}

}  // namespace lc::processor
