#include "hunterd/packet_stream.h"

#include <grpcpp/generic/generic_stub.h>

#include "common/base/fail_point.h"
#include "common/base/log.h"
#include "common/wire/byte_buffer.h"
#include "common/wire/convert.h"
#include "lippycat/data.pb.h"

namespace lc::hunter {
namespace {

constexpr const char* kMethod = "/lippycat.data.DataService/StreamPackets";

}  // namespace

std::shared_ptr<PacketStream> PacketStream::open(const std::shared_ptr<grpc::Channel>& channel,
                                                 packet::SendQueue& queue, Events events) {
  auto stream = std::make_shared<PacketStream>(queue, std::move(events));
  grpc::GenericStub(channel).PrepareBidiStreamingCall(&stream->context(), kMethod, {}, stream.get());
  stream->start();
  stream->pump();
  return stream;
}

PacketStream::PacketStream(packet::SendQueue& queue, Events events) : queue_(queue), events_(std::move(events)) {}

bool PacketStream::produce(grpc::ByteBuffer& request) {
  const auto batch = queue_.next();
  if (!batch) return false;
  queue_.set_writer(packet::SendQueue::Writer::kWriting);
  request = wire::to_byte_buffer(batch->bytes);
  return true;
}

bool PacketStream::has_more() const {
  return queue_.has_next();
}

void PacketStream::idle() {
  queue_.set_writer(packet::SendQueue::Writer::kIdle);
  events_.writer_idle();
}

void PacketStream::received(const grpc::ByteBuffer& response) {
  lippycat::data::StreamControl control;
  if (!wire::parse(response, control)) return;
  const bool for_another = (!control.hunter_id().empty() && control.hunter_id() != queue_.hunter_id()) ||
                           (control.epoch() != 0 && control.epoch() != queue_.epoch());
  if (for_another) return;
  if (!control.error().empty()) log::warning("processor reports an error", {{"error", control.error()}});
  if (control.ack_sequence() > 0) static_cast<void>(fail_point("uplink.acknowledge"));
  queue_.acknowledge(control.ack_sequence());
  queue_.set_flow(wire::from_proto(control.flow_control()));
  events_.heard();
  pump();
}

void PacketStream::ended(const grpc::Status& status, std::shared_ptr<void> self) {
  const wire::EndedFunction report = events_.ended;  // ours may go while it runs
  report(status, std::move(self));
}

}  // namespace lc::hunter
