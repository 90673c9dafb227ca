#include "common/capture/capture_pipeline.h"

#include <pthread.h>

#include <algorithm>

#include "common/base/log.h"

namespace lc::capture {

CapturePipeline::CapturePipeline(std::vector<std::unique_ptr<PacketSource>> sources, calls::Selector& selector,
                                 packet::BatchSink& sink, BatchLimits limits, std::function<void()> on_finished)
    : selector_(selector), on_finished_(std::move(on_finished)) {
  std::uint32_t index = 0;
  for (const auto& source : sources) interfaces_.push_back({source->name(), index++});
  index = 0;
  for (auto& source : sources) {
    loops_.push_back(std::make_unique<CaptureLoop>(
        std::move(source), index++, interfaces_, selector_, pool_, sink, limits, [this] { return batch_stats(); },
        stop_));
  }
}

CapturePipeline::~CapturePipeline() {
  stop();
}

void CapturePipeline::start() {
  const std::lock_guard lock(threads_mutex_);
  if (stop_.requested()) return;
  running_ = loops_.size();
  for (std::size_t i = 0; i < loops_.size(); ++i) selector_.join();
  for (auto& loop : loops_) {
    threads_.emplace_back([this, &loop] {
      const std::string name = "cap " + loop->source().name();
      ::pthread_setname_np(::pthread_self(), name.substr(0, 15).c_str());
      loop->run();
      if (--running_ == 0 && !stop_.requested()) on_finished_();
    });
  }
}

void CapturePipeline::stop() {
  stop_.request();
  const std::lock_guard lock(threads_mutex_);
  threads_.clear();  // joins
}

bool CapturePipeline::settle(std::chrono::milliseconds limit) {
  constexpr auto kLook = std::chrono::milliseconds(1);
  std::vector<std::pair<CaptureLoop*, std::uint64_t>> waiting;
  for (const auto& loop : loops_) {
    if (const std::uint64_t before = loop->bursts(); before != 0 && loop->source().is_live()) {
      waiting.emplace_back(loop.get(), before + 2);  // the burst that is being read may have begun before
      loop->nudge();
    }
  }
  const bool any = !waiting.empty();
  const auto deadline = Clock::now() + limit;
  while (!waiting.empty() && Clock::now() < deadline && !stop_.requested()) {
    std::erase_if(waiting,
                  [](const auto& one) { return one.first->bursts() == 0 || one.first->bursts() >= one.second; });
    for (const auto& [loop, bursts] : waiting) loop->nudge();
    if (!waiting.empty()) std::this_thread::sleep_for(kLook);
  }
  return any;
}

void CapturePipeline::for_each_source(const std::function<void(PacketSource&)>& visit) {
  for (auto& loop : loops_) visit(loop->source());
}

CapturePipeline::Totals CapturePipeline::totals() const {
  Totals totals;
  totals.held = selector_.held();
  totals.filtered = selector_.filtered();  // first: never more than captured
  for (const auto& loop : loops_) {
    const SourceStats stats = loop->source_stats();
    totals.given_up += loop->given_up();  // first: never more than captured
    totals.captured += loop->captured();
    totals.kernel_dropped += stats.kernel_dropped;
    totals.interface_dropped += stats.interface_dropped;
  }
  return totals;
}

std::vector<fleet::InterfaceStats> CapturePipeline::interface_stats() const {
  std::vector<fleet::InterfaceStats> all;
  for (const auto& loop : loops_) {
    const SourceStats stats = loop->source_stats();
    all.push_back({loop->source().name(), loop->captured(), stats.kernel_dropped + stats.interface_dropped});
  }
  return all;
}

packet::BatchStats CapturePipeline::batch_stats() const {
  const Totals now = totals();
  return {.total_captured = now.captured,
          .filtered_matched = now.captured - now.filtered,
          .dropped = now.kernel_dropped + now.interface_dropped + now.given_up};
}

std::vector<std::string> CapturePipeline::faults() const {
  std::vector<std::string> texts;
  for (const auto& loop : loops_) {
    if (loop->state() == LoopState::kDown || loop->state() == LoopState::kFailed) texts.push_back(loop->error());
  }
  return texts;
}

bool CapturePipeline::all_faulty() const {
  return !loops_.empty() && faults().size() == loops_.size();
}

bool CapturePipeline::any_failed() const {
  return std::any_of(loops_.begin(), loops_.end(),
                     [](const auto& loop) { return loop->state() == LoopState::kFailed; });
}

}  // namespace lc::capture
