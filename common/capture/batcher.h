// Decides when a batch is cut: by count, bytes, age, or because nothing is being written.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "common/base/clock.h"
#include "common/packet/batch_sink.h"

namespace lc::capture {

struct BatchLimits {
  std::uint32_t packets = 64;                  // --batch-size
  std::uint32_t grown_packets = 512;           // while the writer is behind, or the batch is fresh
  std::size_t bytes = std::size_t{256} << 10;  // about what a message may be before bytes dominate its cost
  std::chrono::milliseconds age{100};          // --batch-timeout
  /// Packets that come this fast do not wait long for more of them, and each message costs as much as dozens of them.
  std::chrono::microseconds fresh{500};
};

/// Fills batches of one interface and hands them to a sink. One thread.
class Batcher {
 public:
  /// `totals` gives the node's counters for each batch. All references must outlive the batcher.
  Batcher(packet::SlabPool& pool, packet::BatchSink& sink, BatchLimits limits, std::string interface_name,
          std::uint32_t interface_index, std::function<packet::BatchStats()> totals, const TimeSource& time);

  void add(const packet::PacketView& packet, std::uint32_t link_type) { add(packet, link_type, interface_, {}); }
  /// A packet that filters chose, perhaps of another interface; `matched` as in BatchBuilder::append().
  void add(const packet::PacketView& packet, std::uint32_t link_type, const packet::CaptureInterface& interface,
           std::span<const std::uint8_t> matched);

  /// Of the filters that choose from now on; what is open is submitted if it differs.
  void set_filter_revision(std::uint64_t revision);

  /// The source has nothing more for now. Submits if the sink is idle or the batch has its age; otherwise asks
  /// `listener` to be woken, and gives the time at which the batch has its age.
  std::optional<Clock::time_point> rest(packet::SinkListener& listener);

  /// Submits what is there.
  void flush();

 private:
  packet::BatchSink& sink_;
  const BatchLimits limits_;
  const std::function<packet::BatchStats()> totals_;
  const TimeSource& time_;
  const packet::CaptureInterface interface_;
  packet::BatchBuilder builder_;
  std::uint64_t filter_revision_ = 0;
  // Of the open batch:
  Clock::time_point opened_;
  std::uint32_t next_look_ = 0;  // at the sink, when it has so many packets
};

}  // namespace lc::capture
