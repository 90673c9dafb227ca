#include "processord/service/heartbeat_receiver.h"

#include "common/base/text.h"
#include "common/wire/convert.h"
#include "common/wire/status.h"

namespace lc::processor {

void HeartbeatReceiver::OnReadDone(bool ok) {
  if (!ok) {
    Finish(grpc::Status::OK);
    return;
  }
  if (!hunter_) {
    Result<std::shared_ptr<Hunter>> hunter = engine_.heartbeat_opened(beat_.hunter_id());
    if (!hunter) {
      Finish(wire::to_grpc(hunter.error()));
      return;
    }
    hunter_ = std::move(*hunter);
  }
  if (beat_.hunter_id() != hunter_->id()) {
    Finish({grpc::StatusCode::INVALID_ARGUMENT, "a heartbeat stream carries the beats of one hunter"});
    return;
  }
  const std::int64_t now_ns = wall_ns();
  const std::int64_t clock_offset_ns = beat_.timestamp_ns() > 0 ? beat_.timestamp_ns() - now_ns : 0;
  engine_.heard_beat(*hunter_, wire::from_proto(beat_.status()), wire::from_proto(beat_.stats()), clock_offset_ns);

  answer_.set_timestamp_ns(now_ns);
  answer_.set_status(static_cast<lippycat::management::ProcessorStatus>(static_cast<int>(engine_.status().first)));
  answer_.set_hunters_connected(engine_.hunters().connected());
  answer_.set_processor_id(engine_.settings().processor_id);
  answer_.set_filter_revision(engine_.filters().board().revision_for(hunter_->id()));
  StartWrite(&answer_);
}

void HeartbeatReceiver::OnWriteDone(bool ok) {
  if (ok) {
    StartRead(&beat_);
  } else {
    Finish({grpc::StatusCode::CANCELLED, "the hunter is gone"});
  }
}

void HeartbeatReceiver::OnDone() {
  if (hunter_) engine_.heartbeat_closed(*hunter_);
  delete this;
}

}  // namespace lc::processor
