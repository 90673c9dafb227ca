// lippycat.management.ManagementService.
#pragma once

#include <functional>
#include <string>

#include "lippycat/management.grpc.pb.h"
#include "processord/engine/engine.h"

namespace lc::processor {

/// What is not overridden answers UNIMPLEMENTED.
class ManagementService final : public lippycat::management::ManagementService::CallbackService {
 public:
  /// `address` gives the address this processor listens on, for the topology.
  ManagementService(Engine& engine, std::function<std::string()> address)
      : engine_(engine), address_(std::move(address)) {}

  grpc::ServerUnaryReactor* RegisterHunter(grpc::CallbackServerContext* context,
                                           const lippycat::management::HunterRegistration* request,
                                           lippycat::management::RegistrationResponse* response) override;
  grpc::ServerBidiReactor<lippycat::management::HunterHeartbeat, lippycat::management::ProcessorHeartbeat>* Heartbeat(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* GetHunterStatus(grpc::CallbackServerContext* context,
                                            const lippycat::management::StatusRequest* request,
                                            lippycat::management::StatusResponse* response) override;
  grpc::ServerUnaryReactor* ListAvailableHunters(grpc::CallbackServerContext* context,
                                                 const lippycat::management::ListHuntersRequest* request,
                                                 lippycat::management::ListHuntersResponse* response) override;
  grpc::ServerUnaryReactor* GetTopology(grpc::CallbackServerContext* context,
                                        const lippycat::management::TopologyRequest* request,
                                        lippycat::management::TopologyResponse* response) override;

 private:
  Engine& engine_;
  const std::function<std::string()> address_;
};

}  // namespace lc::processor
