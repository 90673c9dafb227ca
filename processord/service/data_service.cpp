#include "processord/service/data_service.h"

#include "common/wire/status.h"
#include "processord/service/call_subscriber.h"
#include "processord/service/origin_metadata.h"
#include "processord/service/packet_receiver.h"
#include "processord/service/packet_subscriber.h"

namespace lc::processor {
namespace {

class RefusedStream final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  explicit RefusedStream(const Error& reason) { Finish(wire::to_grpc(reason)); }

 private:
  void OnDone() override { delete this; }
};

}  // namespace

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* DataService::StreamPackets(
    grpc::CallbackServerContext* context) {
  const Result<std::optional<RelayedOrigin>> origin = origin_of(*context);
  if (!origin) return new RefusedStream(origin.error());
  if (*origin) {
    if (const Status status = check_origin(**origin); !status) return new RefusedStream(status.error());
    const std::string& child = (*origin)->path.front();
    if (!hierarchy_.has_child(child)) return new RefusedStream(not_attached(child));
  }
  return PacketReceiver::start(engine_, pool_, *origin);
}

grpc::ServerWriteReactor<lippycat::data::PacketBatch>* DataService::SubscribePackets(
    grpc::CallbackServerContext*, const lippycat::data::SubscribeRequest* request) {
  return PacketSubscriber::start(engine_.hub(), *request);
}

grpc::ServerWriteReactor<lippycat::data::CorrelatedCallUpdate>* DataService::SubscribeCorrelatedCalls(
    grpc::CallbackServerContext*, const lippycat::data::SubscribeRequest* request) {
  return CallSubscriber::start(engine_.calls(), *request);
}

}  // namespace lc::processor
