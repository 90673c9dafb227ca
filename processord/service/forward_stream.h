// One lane's StreamPackets call to the parent.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/support/byte_buffer.h>

#include <atomic>
#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/wire/client_stream.h"
#include "processord/forward/forward_queue.h"

namespace lc::processor {

/// Sends the lane's batches as they are, once the parent has said what it has already; takes acknowledgements and flow
/// control.
class ForwardStream final : public wire::ClientStream<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  /// The queue must outlive it.
  ForwardStream(ForwardQueue& queue, ForwardQueue::LanePointer lane, wire::EndedFunction ended)
      : queue_(queue), lane_(std::move(lane)), ended_(std::move(ended)) {}

  /// Once. `self_id`: this processor's.
  void open(const std::shared_ptr<grpc::Channel>& channel, const std::string& self_id);

  [[nodiscard]] const ForwardQueue::LanePointer& lane() const { return lane_; }
  /// Goes on when the parent has told it to pause and then nothing for five seconds; any thread.
  void mind_pause(Clock::time_point now);
  /// The parent has acknowledged something.
  [[nodiscard]] bool has_progressed() const { return progressed_; }
  /// When anything was sent or heard last.
  [[nodiscard]] Clock::time_point busy_at() const { return busy_at_; }

 private:
  bool produce(grpc::ByteBuffer& request) override;
  [[nodiscard]] bool has_more() const override;
  void received(const grpc::ByteBuffer& response) override;
  void ended(const grpc::Status& status, std::shared_ptr<void> self) override;

  ForwardQueue& queue_;
  const ForwardQueue::LanePointer lane_;
  const wire::EndedFunction ended_;
  std::atomic<bool> welcome_{false};  // the parent has said where to begin
  std::atomic<bool> paused_{false};
  std::atomic<bool> progressed_{false};
  std::atomic<Clock::time_point> busy_at_{Clock::now()};
};

}  // namespace lc::processor
