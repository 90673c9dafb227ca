#include "processord/service/data_service.h"

#include "processord/service/packet_receiver.h"
#include "processord/service/packet_subscriber.h"

namespace lc::processor {

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* DataService::StreamPackets(grpc::CallbackServerContext*) {
  return PacketReceiver::start(engine_, pool_);
}

grpc::ServerWriteReactor<lippycat::data::PacketBatch>* DataService::SubscribePackets(
    grpc::CallbackServerContext*, const lippycat::data::SubscribeRequest* request) {
  return PacketSubscriber::start(engine_, *request);
}

}  // namespace lc::processor
