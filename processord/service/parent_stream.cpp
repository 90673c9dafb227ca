#include "processord/service/parent_stream.h"

#include <optional>
#include <utility>
#include <variant>

#include "processord/service/link_messages.h"

namespace lc::processor {

std::shared_ptr<ParentStream> ParentStream::open(const std::shared_ptr<grpc::Channel>& channel, Hierarchy& hierarchy,
                                                 const std::string& address, std::string self_id, Events events) {
  const auto stream = std::make_shared<ParentStream>(hierarchy, std::move(self_id), std::move(events));
  const std::weak_ptr<ParentStream> weak = stream;
  stream->end_ = hierarchy.parent_opened({.address = address, .ready = [weak] {
                                            if (const auto alive = weak.lock()) alive->pump();
                                          }});
  lippycat::link::LinkService::NewStub(channel)->async()->Attach(&stream->context(), stream.get());
  stream->start();
  stream->pump();
  return stream;
}

void ParentStream::beat() {
  beat_due_ = true;
  pump();
}

bool ParentStream::produce(lippycat::link::FromChild& request) {
  if (const std::optional<FromChild> message = hierarchy_.next(*end_)) {
    request = to_proto(*message, self_id_);
    beat_due_ = false;
    if (std::holds_alternative<Leave>(*message)) half_close();
    return true;
  }
  if (!beat_due_.exchange(false)) return false;
  request.Clear();
  return true;
}

bool ParentStream::has_more() const {
  return beat_due_ || hierarchy_.has_next(*end_);
}

void ParentStream::received(const lippycat::link::FromParent& response) {
  heard_at_ = Clock::now();
  Result<std::optional<FromParent>> message = from_proto(response);
  if (!message) {
    cancel();
    return;
  }
  if (*message) hierarchy_.received(*end_, std::move(**message));
  events_.heard();
}

void ParentStream::ended(const grpc::Status& status, std::shared_ptr<void> self) {
  const wire::EndedFunction report = events_.ended;  // ours may go while it runs
  report(status, std::move(self));
}

}  // namespace lc::processor
