// One StreamPackets call: sends the window's batches as they are, takes acknowledgements and flow control.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/support/byte_buffer.h>

#include <functional>
#include <memory>

#include "common/packet/send_window.h"
#include "common/wire/client_stream.h"

namespace lc::hunter {

class PacketStream final : public wire::ClientStream<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  struct Events {
    std::function<void()> writer_idle;  // nothing to write; on any thread
    std::function<void()> heard;        // an acknowledgement or flow control came
    wire::EndedFunction ended;
  };

  /// The window must outlive the call.
  static std::shared_ptr<PacketStream> open(const std::shared_ptr<grpc::Channel>& channel, packet::SendWindow& window,
                                            Events events);

  PacketStream(packet::SendWindow& window, Events events);

 private:
  bool produce(grpc::ByteBuffer& request) override;
  [[nodiscard]] bool has_more() const override;
  void idle() override;
  void received(const grpc::ByteBuffer& response) override;
  void ended(const grpc::Status& status, std::shared_ptr<void> self) override;

  packet::SendWindow& window_;
  const Events events_;
};

}  // namespace lc::hunter
