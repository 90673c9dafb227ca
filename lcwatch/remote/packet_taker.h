// What a SubscribePackets brings: rows for a console, as many as somebody can look at, or every batch for a file.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <cstdint>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/packet/slab_pool.h"
#include "lcwatch/model/inbox.h"
#include "lcwatch/remote/packet_queue.h"

namespace lc::watch {

/// One call at a time.
class PacketTaker {
 public:
  /// More rows than these are not made, only counted: nobody reads 20,000 lines a second.
  static constexpr std::size_t kMostRows = 2'000;
  static constexpr std::chrono::milliseconds kWindow{100};

  /// Rows into the inbox, or, with a queue, the batches into that.
  PacketTaker(ServerIndex server, Inbox& inbox, PacketQueue* queue, const TimeSource& time)
      : server_(server), inbox_(inbox), queue_(queue), time_(time) {}

  /// A new call, whose count of skipped packets begins at 0.
  void begin();
  Result<bool> take(const grpc::ByteBuffer& buffer);
  [[nodiscard]] bool room() const { return queue_ == nullptr || queue_->room(); }

 private:
  Result<std::size_t> take_rows(const grpc::ByteBuffer& buffer, std::vector<PacketRow>& rows);
  Result<std::size_t> count(const grpc::ByteBuffer& buffer);
  Result<bool> take_batch(const grpc::ByteBuffer& buffer);

  const ServerIndex server_;
  Inbox& inbox_;
  PacketQueue* const queue_;
  const TimeSource& time_;
  packet::SlabPool pool_;
  packet::RegionCutter cutter_{pool_};
  std::uint64_t received_ = 0;        // packets
  std::uint64_t not_shown_ = 0;       // of these
  std::uint64_t skipped_before_ = 0;  // by the processor, in earlier calls
  std::uint64_t skipped_ = 0;         // in this one
  Clock::time_point window_began_;
  std::size_t rows_in_window_ = 0;
};

}  // namespace lc::watch
