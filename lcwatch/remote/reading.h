// One call that a processor answers with a stream of messages, as it comes from gRPC.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/client_callback.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/wire/client_stream.h"

namespace lc::watch {

/// Keeps itself alive until `ended`. Any thread may call resume() and cancel().
class Reading final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                      public std::enable_shared_from_this<Reading> {
 public:
  /// On gRPC's threads, one at a time, in this order; they must not block.
  struct Events {
    std::function<void()> stands;  // the processor has taken the call; not if it refuses it
    /// True: the next one, false: none until resume(). An error ends the call with it.
    std::function<Result<bool>(const grpc::ByteBuffer&)> received;
    std::function<bool()> room;  // asked once more after received() has said false: whether that has changed since
    wire::EndedFunction ended;   // as ClientStream::ended(), but that an error of received() is the status
  };

  static std::shared_ptr<Reading> open(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                                       grpc::ByteBuffer request, Events events);

  Reading(grpc::ByteBuffer request, Events events) : events_(std::move(events)), request_(std::move(request)) {}

  void resume();
  void cancel();

 private:
  void start();
  void OnReadInitialMetadataDone(bool ok) override;
  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  const Events events_;
  grpc::ClientContext context_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  std::optional<Error> fault_;  // of received()
  std::atomic<bool> paused_{false};
  std::atomic<bool> cancelled_{false};
  std::shared_ptr<Reading> self_;
};

}  // namespace lc::watch
