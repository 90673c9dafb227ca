#include "processord/service/data_service.h"

#include "processord/service/call_subscriber.h"
#include "processord/service/packet_receiver.h"
#include "processord/service/packet_subscriber.h"

namespace lc::processor {

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* DataService::StreamPackets(grpc::CallbackServerContext*) {
  return PacketReceiver::start(engine_, pool_);
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
