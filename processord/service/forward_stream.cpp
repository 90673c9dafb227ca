#include "processord/service/forward_stream.h"

#include <grpcpp/generic/generic_stub.h>

#include <utility>

#include "common/base/fail_point.h"
#include "common/wire/byte_buffer.h"
#include "common/wire/convert.h"
#include "lippycat/data.pb.h"
#include "processord/service/origin_metadata.h"

namespace lc::processor {
namespace {

constexpr const char* kMethod = "/lippycat.data.DataService/StreamPackets";
constexpr auto kLongestPause = std::chrono::seconds(5);

}  // namespace

void ForwardStream::open(const std::shared_ptr<grpc::Channel>& channel, const std::string& self_id) {
  add_origin(context(), self_id, lane_->origin());
  grpc::GenericStub(channel).PrepareBidiStreamingCall(&context(), kMethod, {}, this);
  start();
}

bool ForwardStream::produce(grpc::ByteBuffer& request) {
  if (!welcome_) return false;
  const auto batch = queue_.next(lane_);
  if (!batch) return false;
  request = wire::to_byte_buffer(batch->bytes);
  busy_at_ = Clock::now();
  return true;
}

bool ForwardStream::has_more() const {
  return welcome_ && queue_.has_next(lane_);
}

void ForwardStream::received(const grpc::ByteBuffer& response) {
  lippycat::data::StreamControl control;
  if (!wire::parse(response, control)) {
    cancel();
    return;
  }
  busy_at_ = Clock::now();
  if (control.ack_sequence() > 0) static_cast<void>(fail_point("forward.acknowledge"));
  if (welcome_) {
    queue_.acknowledge(lane_, control.ack_sequence());
    if (control.ack_sequence() > 0) progressed_ = true;
  } else {
    queue_.rewind(lane_, control.ack_sequence());
    welcome_ = true;
  }
  const packet::Flow flow = wire::from_proto(control.flow_control());
  paused_ = flow == packet::Flow::kPause;
  queue_.set_flow(lane_, flow);
  pump();
}

void ForwardStream::mind_pause(Clock::time_point now) {
  if (!paused_ || now - busy_at_.load() < kLongestPause) return;
  paused_ = false;
  queue_.set_flow(lane_, packet::Flow::kContinue);
  pump();
}

void ForwardStream::ended(const grpc::Status& status, std::shared_ptr<void> self) {
  const wire::EndedFunction report = ended_;  // ours may go while it runs
  report(status, std::move(self));
}

}  // namespace lc::processor
