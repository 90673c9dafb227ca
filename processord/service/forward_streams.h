// Everything from below on its way to the parent, over the connection of the link.
#pragma once

#include <grpcpp/channel.h>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "processord/service/forward_stream.h"

namespace lc::processor {

/// Has a ForwardStream open for each lane that has something to send, so that none holds up another. sendable() may be
/// called by any thread, everything else by the link's.
class ForwardStreams {
 public:
  /// The queue must outlive it; `self_id` is this processor's.
  ForwardStreams(ForwardQueue& queue, std::string self_id) : queue_(queue), self_id_(std::move(self_id)) {}
  ~ForwardStreams() { disconnect(); }

  /// For ForwardQueue::Events.
  void sendable(const ForwardQueue::LanePointer& lane);

  /// The link stands: the parent takes streams over this channel.
  void connect(std::shared_ptr<grpc::Channel> channel);
  /// Every 500 ms or so while it does: opens again what broke, closes what has nothing to do any more.
  void tick();
  /// It is over. Returns when all streams are.
  void disconnect();
  /// Why the parent does not take something; empty: nothing is known.
  [[nodiscard]] std::string fault() const;

 private:
  using Streams = std::map<ForwardQueue::LanePointer, std::shared_ptr<ForwardStream>>;

  void open(const ForwardQueue::LanePointer& lane);
  void ended(const ForwardQueue::LanePointer& lane, const grpc::Status& status, std::shared_ptr<void> stream);
  [[nodiscard]] std::vector<std::shared_ptr<ForwardStream>> open_streams() const;

  ForwardQueue& queue_;
  const std::string self_id_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<grpc::Channel> channel_;  // null: no streams are to be opened
  Streams streams_;
  std::map<ForwardQueue::LanePointer, Clock::time_point> broken_;  // to be opened again, not before that
  struct Failure {
    int times = 0;  // in a row, without an acknowledgement in between
    std::string reason;
  };
  std::map<ForwardQueue::LanePointer, Failure> failures_;
  std::vector<std::shared_ptr<void>> over_;  // for the link's thread to let go
};

}  // namespace lc::processor
