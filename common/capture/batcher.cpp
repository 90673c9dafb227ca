#include "common/capture/batcher.h"

#include <algorithm>

namespace lc::capture {

using packet::FlowSignal;

Batcher::Batcher(packet::SlabPool& pool, packet::BatchSink& sink, BatchLimits limits, std::string interface_name,
                 std::uint32_t interface_index, std::function<packet::BatchStats()> totals, const TimeSource& time)
    : sink_(sink),
      limits_(limits),
      totals_(std::move(totals)),
      time_(time),
      interface_{std::move(interface_name), interface_index},
      builder_(pool, interface_.name, interface_.index) {}

void Batcher::set_filter_revision(std::uint64_t revision) {
  if (revision == filter_revision_) return;
  flush();
  filter_revision_ = revision;
  builder_.set_filter_revision(revision);
}

void Batcher::add(const packet::PacketView& packet, std::uint32_t link_type, const packet::CaptureInterface& interface,
                  std::span<const std::uint8_t> matched) {
  if (!builder_.append(packet, link_type, interface, matched)) {
    flush();
    // An empty batch has room for every packet.
    [[maybe_unused]] const bool taken = builder_.append(packet, link_type, interface, matched);
  }
  const std::uint32_t packets = builder_.packets();
  if (packets == 1) {
    opened_ = time_.now();
    next_look_ = limits_.packets;
  }
  if (builder_.size_bytes() >= limits_.bytes || packets >= std::max(limits_.grown_packets, limits_.packets)) {
    flush();
  } else if (packets >= next_look_) {
    next_look_ += limits_.packets;
    if (sink_.signal() < FlowSignal::kBehind && time_.now() - opened_ >= limits_.fresh) flush();
  }
}

std::optional<Clock::time_point> Batcher::rest(packet::SinkListener& listener) {
  if (builder_.empty()) return std::nullopt;
  const Clock::time_point deadline = opened_ + limits_.age;
  const auto due = [&] { return sink_.signal() == FlowSignal::kIdle || time_.now() >= deadline; };
  if (!due()) {
    listener.waiting.store(true);
    // Asked again after announcing ourselves: the sink may have become idle in between and missed us.
    if (!due()) return deadline;
    listener.waiting.store(false);
  }
  flush();
  return std::nullopt;
}

void Batcher::flush() {
  if (!builder_.empty()) sink_.submit(builder_, totals_());
}

}  // namespace lc::capture
