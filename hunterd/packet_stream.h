// One StreamPackets call: sends the queue's batches as they are, takes acknowledgements and flow control.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/support/byte_buffer.h>

#include <functional>
#include <memory>

#include "common/packet/send_queue.h"
#include "common/wire/client_stream.h"

namespace lc::hunter {

class PacketStream final : public wire::ClientStream<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  struct Events {
    std::function<void()> writer_idle;  // nothing to write; on any thread
    std::function<void()> heard;        // an acknowledgement or flow control came
    wire::EndedFunction ended;
  };

  /// The queue must outlive the call.
  static std::shared_ptr<PacketStream> open(const std::shared_ptr<grpc::Channel>& channel, packet::SendQueue& queue,
                                            Events events);

  PacketStream(packet::SendQueue& queue, Events events);

 private:
  bool produce(grpc::ByteBuffer& request) override;
  [[nodiscard]] bool has_more() const override;
  void idle() override;
  void received(const grpc::ByteBuffer& response) override;
  void ended(const grpc::Status& status, std::shared_ptr<void> self) override;

  packet::SendQueue& queue_;
  const Events events_;
};

}  // namespace lc::hunter
