// One Heartbeat call: a beat with the hunter's state every few seconds, and the processor's answers.
#pragma once

#include <grpcpp/channel.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "common/wire/client_stream.h"
#include "lippycat/management.grpc.pb.h"

namespace lc::hunter {

class Heartbeat final
    : public wire::ClientStream<lippycat::management::HunterHeartbeat, lippycat::management::ProcessorHeartbeat> {
 public:
  using HeardFunction = std::function<void(const lippycat::management::ProcessorHeartbeat&)>;

  /// `heard` is called on any thread, and never after `ended`.
  static std::shared_ptr<Heartbeat> open(const std::shared_ptr<grpc::Channel>& channel, HeardFunction heard,
                                         wire::EndedFunction ended);

  Heartbeat(HeardFunction heard, wire::EndedFunction ended) : heard_(std::move(heard)), ended_(std::move(ended)) {}

  /// Any thread. A beat that could not be sent yet is replaced: only the newest is worth sending.
  void beat(lippycat::management::HunterHeartbeat message);

 private:
  bool produce(lippycat::management::HunterHeartbeat& request) override;
  [[nodiscard]] bool has_more() const override;
  void received(const lippycat::management::ProcessorHeartbeat& answer) override { heard_(answer); }
  void ended(const grpc::Status& status, std::shared_ptr<void> self) override;

  const HeardFunction heard_;
  const wire::EndedFunction ended_;
  mutable std::mutex mutex_;
  std::optional<lippycat::management::HunterHeartbeat> next_;
};

}  // namespace lc::hunter
