// lippycat.management.ManagementService.
#pragma once

#include <string>

#include "lippycat/management.grpc.pb.h"
#include "processord/engine/engine.h"
#include "processord/service/access.h"
#include "processord/service/operations.h"
#include "processord/tree/figures_board.h"
#include "processord/tree/hierarchy.h"

namespace lc::processor {

/// Any thread.
class ManagementService final : public lippycat::management::ManagementService::CallbackService {
 public:
  ManagementService(Engine& engine, const Hierarchy& hierarchy, FiguresBoard& figures, Operations& operations,
                    Access access)
      : engine_(engine), hierarchy_(hierarchy), figures_(figures), operations_(operations), access_(access) {}

  grpc::ServerUnaryReactor* RegisterHunter(grpc::CallbackServerContext* context,
                                           const lippycat::management::HunterRegistration* request,
                                           lippycat::management::RegistrationResponse* response) override;
  grpc::ServerUnaryReactor* RegisterProcessor(grpc::CallbackServerContext* context,
                                              const lippycat::management::ProcessorRegistration* request,
                                              lippycat::management::ProcessorRegistrationResponse* response) override;
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
  grpc::ServerWriteReactor<lippycat::management::TopologyUpdate>* SubscribeTopology(
      grpc::CallbackServerContext* context, const lippycat::management::TopologySubscribeRequest* request) override;

  // In filter_calls.cpp.
  grpc::ServerUnaryReactor* GetFilters(grpc::CallbackServerContext* context,
                                       const lippycat::management::FilterRequest* request,
                                       lippycat::management::FilterResponse* response) override;
  grpc::ServerWriteReactor<lippycat::management::FilterUpdate>* SubscribeFilters(
      grpc::CallbackServerContext* context, const lippycat::management::FilterRequest* request) override;
  grpc::ServerUnaryReactor* UpdateFilter(grpc::CallbackServerContext* context,
                                         const lippycat::management::Filter* request,
                                         lippycat::management::FilterUpdateResult* response) override;
  grpc::ServerUnaryReactor* DeleteFilter(grpc::CallbackServerContext* context,
                                         const lippycat::management::FilterDeleteRequest* request,
                                         lippycat::management::FilterUpdateResult* response) override;
  grpc::ServerUnaryReactor* UpdateFilterOnProcessor(grpc::CallbackServerContext* context,
                                                    const lippycat::management::ProcessorFilterRequest* request,
                                                    lippycat::management::FilterUpdateResult* response) override;
  grpc::ServerUnaryReactor* DeleteFilterOnProcessor(grpc::CallbackServerContext* context,
                                                    const lippycat::management::ProcessorFilterDeleteRequest* request,
                                                    lippycat::management::FilterUpdateResult* response) override;
  grpc::ServerUnaryReactor* GetFiltersFromProcessor(grpc::CallbackServerContext* context,
                                                    const lippycat::management::ProcessorFilterQuery* request,
                                                    lippycat::management::FilterResponse* response) override;
  grpc::ServerUnaryReactor* RequestAuthToken(grpc::CallbackServerContext* context,
                                             const lippycat::management::AuthTokenRequest* request,
                                             lippycat::management::AuthorizationToken* response) override;

 private:
  [[nodiscard]] bool is_here(const std::string& processor_id) const;
  template <typename Request, typename Response>
  grpc::ServerUnaryReactor* pass_on(grpc::CallbackServerContext* context, lippycat::link::OperationKind kind,
                                    const Request& request, Response* response);

  [[nodiscard]] std::size_t depth() const { return hierarchy_.place().above.size(); }

  Engine& engine_;
  const Hierarchy& hierarchy_;
  FiguresBoard& figures_;
  Operations& operations_;
  const Access access_;
};

}  // namespace lc::processor
