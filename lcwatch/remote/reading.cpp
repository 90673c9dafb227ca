// A hold keeps the call open while nothing is being read, as reads are begun from outside reactions then. The end is
// always a read that fails, so cancel() sees to it that there is one.
#include "lcwatch/remote/reading.h"

#include <grpcpp/generic/generic_stub.h>

#include <utility>

#include "common/wire/status.h"

namespace lc::watch {

std::shared_ptr<Reading> Reading::open(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                                       grpc::ByteBuffer request, Events events) {
  auto reading = std::make_shared<Reading>(std::move(request), std::move(events));
  // On the wire a call with one request is a stream of one.
  grpc::GenericStub(channel).PrepareBidiStreamingCall(&reading->context_, method, {}, reading.get());
  reading->start();
  return reading;
}

void Reading::start() {
  self_ = shared_from_this();
  AddHold();
  StartWriteLast(&request_, {});
  StartCall();
}

void Reading::resume() {
  if (paused_.exchange(false)) StartRead(&response_);
}

void Reading::cancel() {
  cancelled_ = true;
  context_.TryCancel();
  resume();
}

void Reading::OnReadInitialMetadataDone(bool ok) {
  if (ok) events_.stands();
  StartRead(&response_);
}

void Reading::OnReadDone(bool ok) {
  if (!ok) {
    RemoveHold();
    return;
  }
  if (!fault_) {
    const Result<bool> more = events_.received(response_);
    if (!more) {
      fault_ = more.error();
      context_.TryCancel();
    } else if (!*more) {
      paused_ = true;
      if (cancelled_ || events_.room()) resume();  // whoever made room before has not found us paused
      return;
    }
  }
  StartRead(&response_);
}

void Reading::OnDone(const grpc::Status& status) {
  const wire::EndedFunction report = events_.ended;  // ours may go while it runs
  report(fault_ ? wire::to_grpc(*fault_) : status, std::move(self_));
}

}  // namespace lc::watch
