#include "common/capture/capture_loop.h"

#include <poll.h>

#include <algorithm>
#include <array>

#include "common/base/log.h"

namespace lc::capture {
namespace {

using packet::FlowSignal;

// How many packets are read between two looks at the sink and the stop request.
constexpr std::uint32_t kBurst = 256;
// How long packets that the kernel held at the stop may take to come out of its ring.
constexpr auto kDrainLimit = std::chrono::milliseconds(500);
constexpr int kBlockTimeoutMs = 10;  // more than the ring's block time-out
constexpr int kDownRetryMs = 100;
constexpr int kForever = -1;
constexpr int kLookMs = 500;  // without packets: what the kernel drops meanwhile shall show

int until(std::optional<Clock::time_point> deadline) {
  if (!deadline) return kForever;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now());
  return static_cast<int>(std::max<std::int64_t>(0, left.count()));
}

}  // namespace

namespace {

// One thread counts, others look.
void count(std::atomic<std::uint64_t>& counter) {
  counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

}  // namespace

CaptureLoop::CaptureLoop(std::unique_ptr<PacketSource> source, std::uint32_t interface_index,
                         const std::vector<packet::CaptureInterface>& interfaces, calls::Selector& selector,
                         packet::SlabPool& pool, packet::BatchSink& sink, BatchLimits limits,
                         std::function<packet::BatchStats()> totals, const StopSignal& stop)
    : source_(std::move(source)),
      index_(interface_index),
      interfaces_(interfaces),
      selector_(selector),
      sink_(sink),
      stop_(stop),
      batcher_(pool, sink, limits, source_->name(), interface_index, std::move(totals), time_),
      pass_on_([this](const packet::PacketView& packet) {
        count(captured_);  // first: what is handed on has been captured
        batcher_.add(packet, source_->link_type());
      }),
      select_([this](const packet::PacketView& packet) {
        count(captured_);
        turn_->look(packet, {index_, source_->link_type()});
      }) {
  sink_.add_listener(listener_);
}

CaptureLoop::~CaptureLoop() {
  sink_.remove_listener(listener_);
}

std::string CaptureLoop::error() const {
  return error_.with([](const std::string& text) { return text; });
}

void CaptureLoop::forward(const packet::PacketView& frame, const calls::Origin& origin,
                          std::span<const std::uint8_t> matched) {
  batcher_.add(frame, origin.link_type, interfaces_[origin.interface], matched);
}

void CaptureLoop::run() {
  running_ = true;
  bool news = false;  // since the last look at what the kernel dropped
  while (!stop_.requested()) {
    if (sink_is_full()) {
      source_->refresh_stats();
      wait(-1, kLookMs);
      continue;
    }
    const ReadOutcome outcome = read();
    news = news || outcome.packets > 0;
    if (outcome.state == ReadState::kEnded || outcome.state == ReadState::kFailed) break;
    if (outcome.state == ReadState::kDown) {
      batcher_.flush();
      wait(source_->poll_fd(), kDownRetryMs);
    } else if (outcome.packets < kBurst && source_->poll_fd() >= 0) {
      const int timeout_ms = until(batcher_.rest(listener_));
      // Neither what is held back nor what the kernel dropped in the end may wait for a next packet that does not come.
      const bool holds = source_->is_live() && selector_.held() > 0;
      const bool look_again = holds || (source_->is_live() && news);
      if (timeout_ms == kForever) news = false;
      wait(source_->poll_fd(), look_again && timeout_ms == kForever ? kLookMs : timeout_ms);
      if (holds && outcome.packets == 0) idle();
    }
  }
  if (stop_.requested() && source_->is_live()) drain();
  calls::Selector::Turn(selector_, *this).leave();
  batcher_.flush();
  running_ = false;
  if (state() == LoopState::kRunning || state() == LoopState::kDown) state_.store(LoopState::kEnded);
}

bool CaptureLoop::sink_is_full() {
  const FlowSignal too_much = source_->is_live() ? FlowSignal::kFull : FlowSignal::kSpill;
  if (sink_.signal() < too_much) return false;
  listener_.waiting.store(true);
  if (sink_.signal() >= too_much) return true;
  listener_.waiting.store(false);
  return false;
}

ReadOutcome CaptureLoop::read() {
  calls::Selector::Turn turn(selector_, *this);
  batcher_.set_filter_revision(turn.revision());
  turn_ = &turn;
  ReadOutcome outcome = source_->dispatch(kBurst, turn.passes_all() ? pass_on_ : select_);
  bursts_.fetch_add(1);
  note(outcome);
  return outcome;
}

ReadOutcome CaptureLoop::give_up() {
  ReadOutcome outcome = source_->dispatch(kBurst, [this](const packet::PacketView&) {
    count(captured_);
    count(given_up_);
  });
  note(outcome);
  return outcome;
}

void CaptureLoop::idle() {
  calls::Selector::Turn turn(selector_, *this);
  if (!turn.passes_all()) turn.idle(index_, wall_ns());
}

void CaptureLoop::note(const ReadOutcome& outcome) {
  const LoopState before = state();
  if (outcome.state == ReadState::kReading) {
    if (before == LoopState::kDown) {
      log::info("interface is back", {{"interface", source_->name()}});
      state_.store(LoopState::kRunning);
    }
    return;
  }
  if (outcome.state == ReadState::kEnded) {
    state_.store(LoopState::kEnded);
    return;
  }
  error_.with([&](std::string& text) { text = outcome.error; });
  if (outcome.state == ReadState::kFailed) {
    log::error(outcome.error);
    state_.store(LoopState::kFailed);
  } else if (before != LoopState::kDown) {
    log::warning(outcome.error);
    state_.store(LoopState::kDown);
  }
}

void CaptureLoop::wait(int source_fd, int timeout_ms) {
  std::array<pollfd, 4> fds = {
      {{stop_.fd(), POLLIN, 0}, {listener_.wake_up.fd(), POLLIN, 0}, {nudge_.fd(), POLLIN, 0}, {source_fd, POLLIN, 0}}};
  ::poll(fds.data(), fds.size(), timeout_ms);  // a negative descriptor is passed over
  if (fds[1].revents != 0) listener_.wake_up.drain();
  if (fds[2].revents != 0) nudge_.drain();
}

// What the sink has no room for is read all the same, so that it is counted.
void CaptureLoop::drain() {
  const auto limit = Clock::now() + kDrainLimit;
  while (Clock::now() < limit) {
    const ReadOutcome outcome = sink_.signal() == FlowSignal::kFull ? give_up() : read();
    if (outcome.state != ReadState::kReading) return;
    if (outcome.packets > 0) continue;
    pollfd fd = {source_->poll_fd(), POLLIN, 0};
    if (::poll(&fd, 1, kBlockTimeoutMs) == 0) break;
  }
  source_->refresh_stats();
}

}  // namespace lc::capture
