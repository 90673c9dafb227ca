// ManagementService's calls that read and change filters.
#include "common/base/text.h"
#include "common/wire/convert.h"
#include "common/wire/status.h"
#include "processord/service/filter_messages.h"
#include "processord/service/filter_subscriber.h"
#include "processord/service/management_service.h"

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
    if (!outcome) {
      reactor->Finish(wire::to_grpc(outcome.error()));
      return;
    }
    response->set_success(true);
    response->set_hunters_updated(outcome->hunters_updated);
    response->set_revision(outcome->revision);
    response->set_hunters_pending(outcome->hunters_pending);
    response->set_filter_id(outcome->filter_id);
    reactor->Finish(grpc::Status::OK);
  };
}

grpc::Status not_below(const std::string& processor_id) {
  return {grpc::StatusCode::NOT_FOUND, "no processor below this one has the id " + quoted(processor_id)};
}

}  // namespace

bool ManagementService::is_here(const std::string& processor_id) const {
  return processor_id.empty() || processor_id == engine_.settings().processor_id;
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
  if (!is_here(request->processor_id())) return finish(context, not_below(request->processor_id()));
  add_listed(engine_.filters().board().list(request->hunter_id()), *response->mutable_filters());
  return finish(context, grpc::Status::OK);
}

grpc::ServerWriteReactor<pb::FilterUpdate>* ManagementService::SubscribeFilters(grpc::CallbackServerContext*,
                                                                                const pb::FilterRequest* request) {
  return FilterSubscriber::start(engine_, *request);
}

grpc::ServerUnaryReactor* ManagementService::UpdateFilter(grpc::CallbackServerContext* context,
                                                          const pb::Filter* request, pb::FilterUpdateResult* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  engine_.update_filter(wire::from_proto(*request), answer_to(reactor, response));
  return reactor;
}

grpc::ServerUnaryReactor* ManagementService::UpdateFilterOnProcessor(grpc::CallbackServerContext* context,
                                                                     const pb::ProcessorFilterRequest* request,
                                                                     pb::FilterUpdateResult* response) {
  if (!is_here(request->processor_id())) return finish(context, not_below(request->processor_id()));
  return UpdateFilter(context, &request->filter(), response);
}

grpc::ServerUnaryReactor* ManagementService::DeleteFilter(grpc::CallbackServerContext* context,
                                                          const pb::FilterDeleteRequest* request,
                                                          pb::FilterUpdateResult* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  engine_.delete_filter(request->filter_id(), answer_to(reactor, response));
  return reactor;
}

grpc::ServerUnaryReactor* ManagementService::DeleteFilterOnProcessor(grpc::CallbackServerContext* context,
                                                                     const pb::ProcessorFilterDeleteRequest* request,
                                                                     pb::FilterUpdateResult* response) {
  if (!is_here(request->processor_id())) return finish(context, not_below(request->processor_id()));
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  engine_.delete_filter(request->filter_id(), answer_to(reactor, response));
  return reactor;
}

}  // namespace lc::processor
