// lippycat.data.DataService.
#pragma once

#include "common/packet/slab_pool.h"
#include "lippycat/data.grpc.pb.h"
#include "processord/engine/engine.h"
#include "processord/tree/hierarchy.h"

namespace lc::processor {

/// StreamPackets takes raw bytes, everything else generated messages.
class DataService final : public lippycat::data::DataService::WithRawCallbackMethod_StreamPackets<
                              lippycat::data::DataService::WithCallbackMethod_SubscribePackets<
                                  lippycat::data::DataService::WithCallbackMethod_SubscribeCorrelatedCalls<
                                      lippycat::data::DataService::Service>>> {
 public:
  /// The hierarchy knows whose forwarded streams are taken.
  DataService(Engine& engine, const Hierarchy& hierarchy) : engine_(engine), hierarchy_(hierarchy) {}

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* StreamPackets(
      grpc::CallbackServerContext* context) override;
  grpc::ServerWriteReactor<lippycat::data::PacketBatch>* SubscribePackets(
      grpc::CallbackServerContext* context, const lippycat::data::SubscribeRequest* request) override;
  grpc::ServerWriteReactor<lippycat::data::CorrelatedCallUpdate>* SubscribeCorrelatedCalls(
      grpc::CallbackServerContext* context, const lippycat::data::SubscribeRequest* request) override;

 private:
  Engine& engine_;
  const Hierarchy& hierarchy_;
  packet::SlabPool pool_;
};

}  // namespace lc::processor
