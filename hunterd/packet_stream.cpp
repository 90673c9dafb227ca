#include "hunterd/packet_stream.h"

#include <grpcpp/generic/generic_stub.h>

#include "common/base/log.h"
#include "common/wire/byte_buffer.h"
#include "lippycat/data.pb.h"

namespace lc::hunter {
namespace {

constexpr const char* kMethod = "/lippycat.data.DataService/StreamPackets";

packet::Flow flow_of(lippycat::data::FlowControl control) {
  switch (control) {
    case lippycat::data::FLOW_SLOW:
      return packet::Flow::kSlow;
    case lippycat::data::FLOW_PAUSE:
      return packet::Flow::kPause;
    default:  // CONTINUE, RESUME, and what a newer peer may say
      return packet::Flow::kContinue;
  }
}

}  // namespace

std::shared_ptr<PacketStream> PacketStream::open(const std::shared_ptr<grpc::Channel>& channel,
                                                 packet::SendWindow& window, Events events) {
  auto stream = std::make_shared<PacketStream>(window, std::move(events));
  grpc::GenericStub(channel).PrepareBidiStreamingCall(&stream->context(), kMethod, {}, stream.get());
  stream->start();
  stream->pump();
  return stream;
}

PacketStream::PacketStream(packet::SendWindow& window, Events events) : window_(window), events_(std::move(events)) {}

bool PacketStream::produce(grpc::ByteBuffer& request) {
  const auto batch = window_.next();
  if (!batch) return false;
  window_.set_writer(packet::SendWindow::Writer::kWriting);
  request = wire::to_byte_buffer(batch->bytes);
  return true;
}

bool PacketStream::has_more() const {
  return window_.has_next();
}

void PacketStream::idle() {
  window_.set_writer(packet::SendWindow::Writer::kIdle);
  events_.writer_idle();
}

void PacketStream::received(const grpc::ByteBuffer& response) {
  lippycat::data::StreamControl control;
  if (!wire::parse(response, control)) return;
  const bool for_another = (!control.hunter_id().empty() && control.hunter_id() != window_.hunter_id()) ||
                           (control.epoch() != 0 && control.epoch() != window_.epoch());
  if (for_another) return;
  if (!control.error().empty()) log::warning("processor reports an error", {{"error", control.error()}});
  window_.acknowledge(control.ack_sequence());
  window_.set_flow(flow_of(control.flow_control()));
  events_.heard();
  pump();
}

void PacketStream::ended(const grpc::Status& status, std::shared_ptr<void> self) {
  const wire::EndedFunction report = events_.ended;  // ours may go while it runs
  report(status, std::move(self));
}

}  // namespace lc::hunter
