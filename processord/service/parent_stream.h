// The client's end of one LinkService.Attach call: the stream under a ChildEnd.
#pragma once

#include <grpcpp/channel.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/wire/client_stream.h"
#include "lippycat/link.grpc.pb.h"
#include "processord/tree/hierarchy.h"

namespace lc::processor {

class ParentStream final : public wire::ClientStream<lippycat::link::FromChild, lippycat::link::FromParent> {
 public:
  struct Events {
    std::function<void()> heard;  // any thread, never after `ended`
    wire::EndedFunction ended;
  };
  /// `self_id`: this processor's.
  static std::shared_ptr<ParentStream> open(const std::shared_ptr<grpc::Channel>& channel, Hierarchy& hierarchy,
                                            const std::string& address, std::string self_id, Events events);

  ParentStream(Hierarchy& hierarchy, std::string self_id, Events events)
      : hierarchy_(hierarchy), self_id_(std::move(self_id)), events_(std::move(events)) {}

  /// A sign of life, unless something else is sent anyway. Any thread.
  void beat();
  [[nodiscard]] Clock::time_point heard_at() const { return heard_at_; }
  /// In the hierarchy it is over; once, when the call is.
  void broken(const std::string& reason) { hierarchy_.broken(*end_, reason); }

 private:
  bool produce(lippycat::link::FromChild& request) override;
  [[nodiscard]] bool has_more() const override;
  void received(const lippycat::link::FromParent& response) override;
  void ended(const grpc::Status& status, std::shared_ptr<void> self) override;

  Hierarchy& hierarchy_;
  const std::string self_id_;
  const Events events_;
  std::shared_ptr<ChildEnd> end_;
  std::atomic<bool> beat_due_{false};
  std::atomic<Clock::time_point> heard_at_{Clock::now()};
};

}  // namespace lc::processor
