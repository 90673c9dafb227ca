// ManagementService's calls that read and change filters, here and on processors below.
#include <chrono>

#include "common/wire/convert.h"
#include "common/wire/status.h"
#include "processord/service/filter_messages.h"
#include "processord/service/filter_subscriber.h"
#include "processord/service/management_service.h"
#include "processord/service/operation_messages.h"

namespace lc::processor {
namespace {

namespace pb = lippycat::management;

grpc::ServerUnaryReactor* finish(grpc::CallbackServerContext* context, const grpc::Status& status) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(status);
  return reactor;
}

Engine::FilterDone answer_to(grpc::ServerUnaryReactor* reactor, pb::FilterUpdateResult* response) {
  return [reactor, response](const Result<FilterOutcome>& outcome) {
    if (outcome) *response = to_proto(*outcome);
    reactor->Finish(outcome ? grpc::Status::OK : wire::to_grpc(outcome.error()));
  };
}

}  // namespace

bool ManagementService::is_here(const std::string& processor_id) const {
  return processor_id.empty() || processor_id == engine_.settings().processor_id;
}

template <typename Request, typename Response>
grpc::ServerUnaryReactor* ManagementService::pass_on(grpc::CallbackServerContext* context,
                                                     lippycat::link::OperationKind kind, const Request& request,
                                                     Response* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const auto patience =
      std::chrono::duration_cast<std::chrono::milliseconds>(context->deadline() - std::chrono::system_clock::now());
  operations_.operate(request.processor_id(), kind, request, patience,
                      [reactor, response](const OperationOutcome& outcome) {
                        if (outcome.code != Code::kOk) {
                          reactor->Finish(to_grpc(outcome));
                        } else if (!response->ParseFromString(outcome.payload)) {
                          reactor->Finish({grpc::StatusCode::INTERNAL, "the processor's answer can't be read"});
                        } else {
                          reactor->Finish(grpc::Status::OK);
                        }
                      });
  return reactor;
}

grpc::ServerUnaryReactor* ManagementService::GetFilters(grpc::CallbackServerContext* context,
                                                        const pb::FilterRequest* request,
                                                        pb::FilterResponse* response) {
  add_listed(engine_.filters().board().list(request->hunter_id()), *response->mutable_filters());
  return finish(context, grpc::Status::OK);
}

grpc::ServerUnaryReactor* ManagementService::GetFiltersFromProcessor(grpc::CallbackServerContext* context,
                                                                     const pb::ProcessorFilterQuery* request,
                                                                     pb::FilterResponse* response) {
  if (!is_here(request->processor_id())) {
    return pass_on(context, lippycat::link::OPERATION_GET_FILTERS, *request, response);
  }
  add_listed(engine_.filters().board().list(request->hunter_id()), *response->mutable_filters());
  return finish(context, grpc::Status::OK);
}

grpc::ServerWriteReactor<pb::FilterUpdate>* ManagementService::SubscribeFilters(grpc::CallbackServerContext*,
                                                                                const pb::FilterRequest* request) {
  return FilterSubscriber::start(engine_, *request);
}

grpc::ServerUnaryReactor* ManagementService::UpdateFilter(grpc::CallbackServerContext* context,
                                                          const pb::Filter* request, pb::FilterUpdateResult* response) {
  if (const auto who = access_.may_change(*context); !who) return finish(context, wire::to_grpc(who.error()));
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  engine_.update_filter(wire::from_proto(*request), answer_to(reactor, response));
  return reactor;
}

grpc::ServerUnaryReactor* ManagementService::UpdateFilterOnProcessor(grpc::CallbackServerContext* context,
                                                                     const pb::ProcessorFilterRequest* request,
                                                                     pb::FilterUpdateResult* response) {
  if (is_here(request->processor_id())) return UpdateFilter(context, &request->filter(), response);
  if (const auto who = access_.may_change(*context); !who) return finish(context, wire::to_grpc(who.error()));
  return pass_on(context, lippycat::link::OPERATION_UPDATE_FILTER, *request, response);
}

grpc::ServerUnaryReactor* ManagementService::DeleteFilter(grpc::CallbackServerContext* context,
                                                          const pb::FilterDeleteRequest* request,
                                                          pb::FilterUpdateResult* response) {
  if (const auto who = access_.may_change(*context); !who) return finish(context, wire::to_grpc(who.error()));
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  engine_.delete_filter(request->filter_id(), answer_to(reactor, response));
  return reactor;
}

grpc::ServerUnaryReactor* ManagementService::DeleteFilterOnProcessor(grpc::CallbackServerContext* context,
                                                                     const pb::ProcessorFilterDeleteRequest* request,
                                                                     pb::FilterUpdateResult* response) {
  if (const auto who = access_.may_change(*context); !who) return finish(context, wire::to_grpc(who.error()));
  if (!is_here(request->processor_id())) {
    return pass_on(context, lippycat::link::OPERATION_DELETE_FILTER, *request, response);
  }
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  engine_.delete_filter(request->filter_id(), answer_to(reactor, response));
  return reactor;
}

grpc::ServerUnaryReactor* ManagementService::RequestAuthToken(grpc::CallbackServerContext* context,
                                                              const pb::AuthTokenRequest* request,
                                                              pb::AuthorizationToken* response) {
  Result<std::string> who = access_.may_change(*context);
  if (!who) return finish(context, wire::to_grpc(who.error()));
  const Result<Token> token = operations_.issue_token(request->target_processor_id(), std::move(*who));
  if (!token) return finish(context, wire::to_grpc(token.error()));
  *response = to_proto(*token);
  return finish(context, grpc::Status::OK);
}

}  // namespace lc::processor
