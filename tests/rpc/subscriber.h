// Calls that only receive.
#pragma once

#include <memory>
#include <optional>

#include "tests/rpc/processor_client.h"

namespace lc::test {

/// A call that stands when it is made, or has been refused; it is cancelled at the end.
template <typename Message>
class Subscriber {
 public:
  /// `open` begins the call with the context that it is given.
  template <typename Open>
  explicit Subscriber(Open&& open) : stream_(open(&context_)) {
    stream_->WaitForInitialMetadata();
  }
  ~Subscriber() {
    if (!stream_) return;
    context_.TryCancel();
    for (Message rest; stream_->Read(&rest);) {
    }
    static_cast<void>(stream_->Finish());
  }
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;

  std::optional<Message> next() {
    Message message;
    if (!stream_->Read(&message)) return std::nullopt;
    return message;
  }
  /// After next() has given nothing.
  grpc::Status end() {
    const grpc::Status status = stream_->Finish();
    stream_.reset();
    return status;
  }

 private:
  Context context_;
  std::unique_ptr<grpc::ClientReader<Message>> stream_;
};

inline auto subscribe_packets(Client& client, const lippycat::data::SubscribeRequest& request = {}) {
  return Subscriber<lippycat::data::PacketBatch>(
      [&](grpc::ClientContext* context) { return client.packets->SubscribePackets(context, request); });
}

inline auto subscribe_calls(Client& client, const lippycat::data::SubscribeRequest& request = {}) {
  return Subscriber<lippycat::data::CorrelatedCallUpdate>(
      [&](grpc::ClientContext* context) { return client.packets->SubscribeCorrelatedCalls(context, request); });
}

}  // namespace lc::test
