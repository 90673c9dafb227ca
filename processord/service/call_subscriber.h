// The server's end of one SubscribeCorrelatedCalls call.
#pragma once

#include "lippycat/data.pb.h"
#include "processord/engine/call_board.h"
#include "processord/service/server_stream.h"

namespace lc::processor {

/// Writes each call as it is when it is written.
class CallSubscriber final : public ServerStream<lippycat::data::CorrelatedCallUpdate, CallSubscription> {
 public:
  static CallSubscriber* start(CallBoard& board, const lippycat::data::SubscribeRequest& request);

  CallSubscriber(CallBoard& board, bool with_removals, bool with_messages)
      : board_(board), with_removals_(with_removals), with_messages_(with_messages) {}

 private:
  bool produce(CallSubscription& subscription, lippycat::data::CorrelatedCallUpdate& message) override;
  [[nodiscard]] bool has_next(const CallSubscription& subscription) const override;
  void leave(const std::shared_ptr<CallSubscription>& subscription) override;

  CallBoard& board_;
  const bool with_removals_;  // and with the begin and end of snapshots
  const bool with_messages_;  // calls have theirs
};

}  // namespace lc::processor
