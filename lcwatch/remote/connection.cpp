#include "lcwatch/remote/connection.h"

#include <cassert>
#include <exception>

#include "common/wire/endpoint.h"

namespace lc::watch {

Result<std::shared_ptr<grpc::Channel>> Connection::begin_call() {
  if (calls_ == 0 && (!channel_ || channel_->GetState(false) != GRPC_CHANNEL_READY)) {
    try {
      channel_ = wire::make_channel(address_, tls_);
    } catch (const std::exception& error) {
      return Error{Code::kFailedPrecondition, error.what()};
    }
  }
  ++calls_;
  return channel_;
}

void Connection::end_call() {
  assert(calls_ > 0);
  --calls_;
}

}  // namespace lc::watch
