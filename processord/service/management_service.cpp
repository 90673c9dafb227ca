#include "processord/service/management_service.h"

#include <algorithm>

#include "common/wire/convert.h"
#include "common/wire/figures_messages.h"
#include "common/wire/status.h"
#include "common/wire/topology_messages.h"
#include "processord/service/filter_messages.h"
#include "processord/service/heartbeat_receiver.h"
#include "processord/service/peer_address.h"
#include "processord/service/topology_subscriber.h"

namespace lc::processor {
namespace {

namespace pb = lippycat::management;

grpc::ServerUnaryReactor* finish(grpc::CallbackServerContext* context, const grpc::Status& status) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(status);
  return reactor;
}

pb::ConnectedHunter connected_hunter(const Hunter::View& view, ShownFilters& filters) {
  pb::ConnectedHunter message = wire::to_proto(connected(view));
  message.set_connected_duration_sec(static_cast<std::uint64_t>(view.connected_for.count()));
  message.set_last_heartbeat_ns(view.last_heartbeat_ns);
  *message.mutable_stats() = wire::to_proto(view.stats);
  filters.fill(message);
  return message;
}

pb::AvailableHunter available_hunter(const Hunter::View& view) {
  pb::AvailableHunter message;
  message.set_hunter_id(view.description.id);
  message.set_hostname(view.description.hostname);
  message.mutable_interfaces()->Add(view.description.interfaces.begin(), view.description.interfaces.end());
  message.set_status(wire::to_proto(view.status));
  message.set_remote_addr(view.remote_address);
  message.set_connected_duration_sec(static_cast<std::uint64_t>(view.connected_for.count()));
  *message.mutable_capabilities() = wire::to_proto(view.description.capabilities);
  return message;
}

pb::ProcessorStats processor_stats(const Engine& engine) {
  const Engine::Statistics statistics = engine.statistics();
  pb::ProcessorStats message = wire::to_proto(engine.processor_stats(statistics));
  message.set_upstream_processor(engine.topology().snapshot().tree->processor.upstream);
  message.set_total_hunters(statistics.hunters);
  message.set_healthy_hunters(statistics.healthy);
  message.set_warning_hunters(statistics.warning);
  message.set_error_hunters(statistics.error);
  message.set_processor_id(engine.settings().processor_id);
  auto [status, why] = engine.status();
  message.set_status(static_cast<pb::ProcessorStatus>(static_cast<int>(status)));
  message.set_status_reason(std::move(why));
  return message;
}

/// The figures of a processor below and its hunters, as the tree brought them last.
void fill(pb::ProcessorNode& node, const fleet::NodeFigures& figures) {
  pb::ProcessorStats& stats = *node.mutable_stats();
  stats = wire::to_proto(figures.processor);
  stats.set_processor_id(node.processor_id());
  stats.set_upstream_processor(node.upstream_processor());
  stats.set_status(node.status());
  stats.set_status_reason(node.status_reason());
  stats.set_total_hunters(static_cast<std::uint32_t>(node.hunters_size()));
  for (pb::ConnectedHunter& hunter : *node.mutable_hunters()) {
    switch (hunter.status()) {
      case pb::STATUS_HEALTHY:
        stats.set_healthy_hunters(stats.healthy_hunters() + 1);
        break;
      case pb::STATUS_WARNING:
        stats.set_warning_hunters(stats.warning_hunters() + 1);
        break;
      case pb::STATUS_ERROR:
        stats.set_error_hunters(stats.error_hunters() + 1);
        break;
      default:
        break;
    }
    const auto found = std::ranges::lower_bound(figures.hunters, hunter.hunter_id(), {}, &fleet::HunterFigures::id);
    if (found == figures.hunters.end() || found->id != hunter.hunter_id()) continue;
    *hunter.mutable_stats() = wire::to_proto(found->stats);
    hunter.set_last_heartbeat_ns(found->last_heartbeat_ns);
    hunter.set_filter_revision(found->filter_revision);
    hunter.set_filters_targeting(found->filters_targeting);
  }
}

void fill_below(pb::ProcessorNode& node, fleet::NodePath& path, const FiguresBoard& board) {
  for (pb::ProcessorNode& child : *node.mutable_downstream_processors()) {
    path.push_back(child.processor_id());
    if (const FiguresPointer known = board.latest(path)) fill(child, known->figures);
    fill_below(child, path, board);
    path.pop_back();
  }
}

}  // namespace

grpc::ServerUnaryReactor* ManagementService::RegisterHunter(grpc::CallbackServerContext* context,
                                                            const pb::HunterRegistration* request,
                                                            pb::RegistrationResponse* response) {
  const Result<fleet::RegistrationAnswer> answer =
      engine_.register_hunter(wire::from_proto(*request), readable_peer(context->peer()));
  if (!answer) return finish(context, wire::to_grpc(answer.error()));
  response->set_accepted(true);
  response->set_assigned_id(answer->assigned_id);
  response->set_resume_after(answer->resume_after);
  response->mutable_config()->set_processor_id(answer->processor_id);
  for (const fleet::Filter& filter : answer->filters) *response->add_filters() = wire::to_proto(filter);
  return finish(context, grpc::Status::OK);
}

grpc::ServerUnaryReactor* ManagementService::RegisterProcessor(grpc::CallbackServerContext* context,
                                                               const pb::ProcessorRegistration* request,
                                                               pb::ProcessorRegistrationResponse* response) {
  const std::string& self = engine_.settings().processor_id;
  const Status fits = hierarchy_.may_attach(
      {.self = {.id = request->processor_id()}, .address = request->listen_address()}, readable_peer(context->peer()));
  if (!fits && fits.error().code == Code::kInvalidArgument) return finish(context, wire::to_grpc(fits.error()));
  const auto& chain = request->upstream_chain();
  response->set_upstream_processor_id(self);
  if (!fits) {
    response->set_error(fits.error().text);
  } else if (std::find(chain.begin(), chain.end(), self) != chain.end()) {
    response->set_error(cycle_found().text);
  } else {
    response->set_accepted(true);
  }
  return finish(context, grpc::Status::OK);
}

grpc::ServerBidiReactor<pb::HunterHeartbeat, pb::ProcessorHeartbeat>* ManagementService::Heartbeat(
    grpc::CallbackServerContext*) {
  return new HeartbeatReceiver(engine_);
}

grpc::ServerUnaryReactor* ManagementService::GetHunterStatus(grpc::CallbackServerContext* context,
                                                             const pb::StatusRequest* request,
                                                             pb::StatusResponse* response) {
  *response->mutable_processor_stats() = processor_stats(engine_);
  ShownFilters filters(engine_.filters().board());
  if (!request->hunter_id().empty()) {
    const auto hunter = engine_.hunters().find(request->hunter_id());
    if (!hunter) {
      return finish(context, {grpc::StatusCode::NOT_FOUND, "no hunter has the id \"" + request->hunter_id() + "\""});
    }
    *response->add_hunters() = connected_hunter(hunter->view(), filters);
    return finish(context, grpc::Status::OK);
  }
  for (const auto& hunter : engine_.hunters().all())
    *response->add_hunters() = connected_hunter(hunter->view(), filters);
  return finish(context, grpc::Status::OK);
}

grpc::ServerUnaryReactor* ManagementService::ListAvailableHunters(grpc::CallbackServerContext* context,
                                                                  const pb::ListHuntersRequest*,
                                                                  pb::ListHuntersResponse* response) {
  for (const auto& hunter : engine_.hunters().all()) {
    const Hunter::View view = hunter->view();
    if (view.connected) *response->add_hunters() = available_hunter(view);
  }
  return finish(context, grpc::Status::OK);
}

grpc::ServerUnaryReactor* ManagementService::GetTopology(grpc::CallbackServerContext* context,
                                                         const pb::TopologyRequest*, pb::TopologyResponse* response) {
  pb::ProcessorNode& node = *response->mutable_processor();
  node = wire::to_proto(engine_.topology().snapshot().tree, depth());
  *node.mutable_stats() = processor_stats(engine_);
  ShownFilters filters(engine_.filters().board());
  for (pb::ConnectedHunter& shown : *node.mutable_hunters()) {
    if (const auto hunter = engine_.hunters().find(shown.hunter_id()))
      shown = connected_hunter(hunter->view(), filters);
  }
  fleet::NodePath path;
  fill_below(node, path, figures_);
  return finish(context, grpc::Status::OK);
}

grpc::ServerWriteReactor<pb::TopologyUpdate>* ManagementService::SubscribeTopology(
    grpc::CallbackServerContext*, const pb::TopologySubscribeRequest* request) {
  return TopologySubscriber::start(engine_.topology(), figures_,
                                   {.id = engine_.settings().processor_id, .depth = depth()}, *request);
}

}  // namespace lc::processor
