#include "common/capture/capture_pipeline.h"

#include <pthread.h>

#include <algorithm>

#include "common/base/log.h"

namespace lc::capture {

CapturePipeline::CapturePipeline(std::vector<std::unique_ptr<PacketSource>> sources, packet::BatchSink& sink,
                                 BatchLimits limits, std::function<void()> on_finished)
    : on_finished_(std::move(on_finished)) {
  std::uint32_t index = 0;
  for (auto& source : sources) {
    loops_.push_back(std::make_unique<CaptureLoop>(
        std::move(source), index++, pool_, sink, limits, [this] { return batch_stats(); }, stop_));
  }
}

CapturePipeline::~CapturePipeline() {
  stop();
}

void CapturePipeline::start() {
  const std::lock_guard lock(threads_mutex_);
  if (stop_.requested()) return;
  running_ = loops_.size();
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

Status CapturePipeline::set_filter(const std::string& expression) {
  Status first;
  for (auto& loop : loops_) {
    Status status = loop->source().set_filter(expression);
    if (!status.ok() && first.ok()) first = status;
  }
  return first;
}

void CapturePipeline::for_each_source(const std::function<void(PacketSource&)>& visit) {
  for (auto& loop : loops_) visit(loop->source());
}

CapturePipeline::Totals CapturePipeline::totals() const {
  Totals totals;
  for (const auto& loop : loops_) {
    const SourceStats stats = loop->source_stats();
    totals.given_up += loop->given_up();  // first: never more than captured
    totals.captured += loop->captured();
    totals.kernel_dropped += stats.kernel_dropped;
    totals.interface_dropped += stats.interface_dropped;
  }
  return totals;
}

packet::BatchStats CapturePipeline::batch_stats() const {
  const Totals now = totals();
  return {.total_captured = now.captured,
          .filtered_matched = now.captured,
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
