// The server's end of one Heartbeat call.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <memory>

#include "lippycat/management.pb.h"
#include "processord/engine/engine.h"

namespace lc::processor {

/// Answers each beat with the processor's own. Reads the next beat only when the answer is written, so that there is
/// one operation at a time and nothing to guard. Deletes itself in OnDone.
class HeartbeatReceiver final
    : public grpc::ServerBidiReactor<lippycat::management::HunterHeartbeat, lippycat::management::ProcessorHeartbeat> {
 public:
  explicit HeartbeatReceiver(Engine& engine) : engine_(engine) { StartRead(&beat_); }

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone() override;

  Engine& engine_;
  lippycat::management::HunterHeartbeat beat_;
  lippycat::management::ProcessorHeartbeat answer_;
  std::shared_ptr<Hunter> hunter_;
};

}  // namespace lc::processor
