#include "hunterd/heartbeat.h"

namespace lc::hunter {

std::shared_ptr<Heartbeat> Heartbeat::open(const std::shared_ptr<grpc::Channel>& channel, HeardFunction heard,
                                           wire::EndedFunction ended) {
  auto stream = std::make_shared<Heartbeat>(std::move(heard), std::move(ended));
  const auto stub = lippycat::management::ManagementService::NewStub(channel);
  stub->async()->Heartbeat(&stream->context(), stream.get());
  stream->start();
  return stream;
}

void Heartbeat::beat(lippycat::management::HunterHeartbeat message) {
  {
    const std::lock_guard lock(mutex_);
    next_ = std::move(message);
  }
  pump();
}

bool Heartbeat::produce(lippycat::management::HunterHeartbeat& request) {
  const std::lock_guard lock(mutex_);
  if (!next_) return false;
  request = std::move(*next_);
  next_.reset();
  return true;
}

bool Heartbeat::has_more() const {
  const std::lock_guard lock(mutex_);
  return next_.has_value();
}

void Heartbeat::ended(const grpc::Status& status, std::shared_ptr<void> self) {
  const wire::EndedFunction report = ended_;  // ours may go while it runs
  report(status, std::move(self));
}

}  // namespace lc::hunter
