#include "processord/service/link_service.h"

#include "processord/service/child_stream.h"
#include "processord/service/peer_address.h"

namespace lc::processor {

grpc::ServerBidiReactor<lippycat::link::FromChild, lippycat::link::FromParent>* LinkService::Attach(
    grpc::CallbackServerContext* context) {
  const auto stream = ChildStream::start(hierarchy_, readable_peer(context->peer()));
  const std::lock_guard lock(mutex_);
  streams_.push_back(stream);
  return stream.get();
}

void LinkService::tick() {
  std::vector<std::shared_ptr<ChildStream>> streams;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(streams_, [](const auto& stream) { return stream.expired(); });
    for (const auto& stream : streams_) {
      if (auto alive = stream.lock()) streams.push_back(std::move(alive));
    }
  }
  for (const auto& stream : streams) stream->tick(Clock::now());
}

}  // namespace lc::processor
