#include "common/wire/topology_messages.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <variant>

#include "common/base/clock.h"
#include "common/wire/convert.h"

namespace lc::wire {
namespace {

namespace pb = lippycat::management;

constexpr std::int64_t kSecond = 1'000'000'000;

/// What the processor says of itself.
pb::ProcessorNode own(const fleet::Processor& processor, std::size_t depth) {
  pb::ProcessorNode message;
  message.set_address(processor.address);
  message.set_processor_id(processor.id);
  message.set_status(static_cast<pb::ProcessorStatus>(static_cast<int>(processor.status)));
  message.set_status_reason(processor.status_reason);
  message.set_upstream_processor(processor.upstream);
  message.set_hierarchy_depth(static_cast<std::uint32_t>(depth));
  message.set_reachable(true);
  message.set_node_type(static_cast<pb::NodeType>(static_cast<int>(processor.type)));
  message.mutable_capture_interfaces()->Add(processor.interfaces.begin(), processor.interfaces.end());
  message.set_version(processor.version);
  return message;
}

// An unknown number (a newer peer) counts as WARNING, as with hunters.
fleet::ProcessorStatus status_of(pb::ProcessorStatus status) {
  if (status == pb::PROCESSOR_HEALTHY) return fleet::ProcessorStatus::kHealthy;
  return status == pb::PROCESSOR_ERROR ? fleet::ProcessorStatus::kError : fleet::ProcessorStatus::kWarning;
}

fleet::Processor own(const pb::ProcessorNode& message) {
  return {.id = message.processor_id(),
          .address = message.address(),
          .type = message.node_type() == pb::NODE_TYPE_TAP ? fleet::NodeType::kTap : fleet::NodeType::kProcessor,
          .interfaces = {message.capture_interfaces().begin(), message.capture_interfaces().end()},
          .status = status_of(message.status()),
          .version = message.version(),
          .upstream = message.upstream_processor(),
          .status_reason = message.status_reason()};
}

/// Fills in the event; `depth` is that of the processor where it happened.
struct EventWriter {
  pb::TopologyUpdate& message;
  std::size_t depth;

  void operator()(const fleet::HunterConnected& event) const {
    message.set_update_type(pb::TOPOLOGY_HUNTER_CONNECTED);
    *message.mutable_hunter_connected()->mutable_hunter() = to_proto(*event.hunter);
  }
  void operator()(const fleet::HunterDisconnected& event) const {
    message.set_update_type(pb::TOPOLOGY_HUNTER_DISCONNECTED);
    message.mutable_hunter_disconnected()->set_hunter_id(event.id);
    message.mutable_hunter_disconnected()->set_reason(event.reason);
  }
  void operator()(const fleet::HunterStatusChanged& event) const {
    message.set_update_type(pb::TOPOLOGY_HUNTER_STATUS_CHANGED);
    pb::HunterStatusChangedEvent& changed = *message.mutable_hunter_status_changed();
    changed.set_hunter_id(event.id);
    changed.set_old_status(to_proto(event.before));
    changed.set_new_status(to_proto(event.now));
  }
  void operator()(const fleet::ProcessorChanged& event) const {
    message.set_update_type(pb::TOPOLOGY_PROCESSOR_CHANGED);
    *message.mutable_processor_changed()->mutable_processor() = own(event.processor, depth);
  }
  void operator()(const fleet::ProcessorConnected& event) const {
    message.set_update_type(pb::TOPOLOGY_PROCESSOR_CONNECTED);
    *message.mutable_processor_connected()->mutable_processor() = to_proto(event.node, depth + 1);
  }
  void operator()(const fleet::ProcessorRemoved& event) const {
    message.set_update_type(pb::TOPOLOGY_PROCESSOR_DISCONNECTED);
    pb::ProcessorDisconnectedEvent& removed = *message.mutable_processor_disconnected();
    removed.set_processor_id(event.id);
    removed.set_address(event.address);
    removed.set_reason(event.reason);
  }
  void operator()(const fleet::ReachabilityChanged& event) const {
    message.set_update_type(pb::TOPOLOGY_REACHABILITY_CHANGED);
    pb::ReachabilityChangedEvent& changed = *message.mutable_reachability_changed();
    changed.set_processor_id(event.id);
    changed.set_reachable(event.link.reachable);
    changed.set_reason(event.link.reason);
    changed.set_since_ns(event.link.reachable ? message.timestamp_ns() : event.link.since_ns);
  }
  void operator()(const fleet::FilterUpdated& event) const {
    message.set_update_type(pb::TOPOLOGY_FILTER_UPDATED);
    *message.mutable_filter_updated()->mutable_update() = to_proto(event.update);
  }
};

Result<fleet::TreeEvent> event_of(const pb::TopologyUpdate& message) {
  using Event = fleet::TreeEvent;
  switch (message.event_case()) {
    case pb::TopologyUpdate::kHunterConnected:
      return Event(fleet::HunterConnected{
          std::make_shared<const fleet::ConnectedHunter>(from_proto(message.hunter_connected().hunter()))});
    case pb::TopologyUpdate::kHunterDisconnected:
      return Event(
          fleet::HunterDisconnected{message.hunter_disconnected().hunter_id(), message.hunter_disconnected().reason()});
    case pb::TopologyUpdate::kHunterStatusChanged: {
      const pb::HunterStatusChangedEvent& changed = message.hunter_status_changed();
      return Event(fleet::HunterStatusChanged{changed.hunter_id(), from_proto(changed.old_status()),
                                              from_proto(changed.new_status())});
    }
    case pb::TopologyUpdate::kProcessorChanged:
      return Event(fleet::ProcessorChanged{own(message.processor_changed().processor())});
    case pb::TopologyUpdate::kProcessorConnected:
      return Event(fleet::ProcessorConnected{from_proto(message.processor_connected().processor())});
    case pb::TopologyUpdate::kProcessorDisconnected: {
      const pb::ProcessorDisconnectedEvent& removed = message.processor_disconnected();
      return Event(fleet::ProcessorRemoved{removed.processor_id(), removed.address(), removed.reason()});
    }
    case pb::TopologyUpdate::kReachabilityChanged: {
      const pb::ReachabilityChangedEvent& changed = message.reachability_changed();
      const fleet::Reachability lost{.reachable = false, .reason = changed.reason(), .since_ns = changed.since_ns()};
      return Event(
          fleet::ReachabilityChanged{changed.processor_id(), changed.reachable() ? fleet::Reachability{} : lost});
    }
    case pb::TopologyUpdate::kFilterUpdated:
      return Event(fleet::FilterUpdated{from_proto(message.filter_updated().update())});
    default:
      return Error{Code::kInvalidArgument, "an update of the tree with no event that is known here"};
  }
}

}  // namespace

pb::ConnectedHunter to_proto(const fleet::ConnectedHunter& hunter) {
  const fleet::HunterDescription& description = hunter.description;
  pb::ConnectedHunter message;
  message.set_hunter_id(description.id);
  message.set_hostname(description.hostname);
  message.set_remote_addr(hunter.remote_address);
  message.set_status(to_proto(hunter.status));
  // Clocks may differ, if it is another processor's hunter.
  const std::int64_t connected_for = std::max<std::int64_t>(wall_ns() - hunter.connected_since_ns, 0);
  message.set_connected_duration_sec(static_cast<std::uint64_t>(connected_for / kSecond));
  message.mutable_interfaces()->Add(description.interfaces.begin(), description.interfaces.end());
  *message.mutable_capabilities() = to_proto(description.capabilities);
  message.set_version(description.version);
  message.set_connected_since_ns(hunter.connected_since_ns);
  return message;
}

pb::ProcessorNode to_proto(const fleet::ProcessorTree& tree, std::size_t depth) {
  pb::ProcessorNode message = own(tree->processor, depth);
  message.set_reachable(tree->link.reachable);
  message.set_unreachable_reason(tree->link.reason);
  message.set_unreachable_since_ns(tree->link.since_ns);
  for (const fleet::HunterPointer& hunter : tree->hunters) *message.add_hunters() = to_proto(*hunter);
  for (const fleet::ProcessorTree& child : tree->children) {
    *message.add_downstream_processors() = to_proto(child, depth + 1);
  }
  return message;
}

pb::TopologyUpdate to_proto(const fleet::TopologyUpdate& update, const Teller& teller) {
  pb::TopologyUpdate message;
  message.set_revision(update.revision);
  if (update.snapshot) {
    message.set_update_type(pb::TOPOLOGY_SNAPSHOT);
    message.set_timestamp_ns(wall_ns());
    message.set_processor_id(teller.id);
    *message.mutable_snapshot() = to_proto(update.snapshot, teller.depth);
    return message;
  }
  const fleet::TreeChange& change = *update.change;
  message.set_timestamp_ns(change.time_ns);
  message.set_processor_id(change.path.empty() ? teller.id : change.path.back());
  message.mutable_path()->Add(change.path.begin(), change.path.end());
  std::visit(EventWriter{message, teller.depth + change.path.size()}, change.event);
  return message;
}

fleet::ConnectedHunter from_proto(const pb::ConnectedHunter& message) {
  fleet::ConnectedHunter hunter{.description = {},
                                .remote_address = message.remote_addr(),
                                .status = from_proto(message.status()),
                                .connected_since_ns = message.connected_since_ns()};
  hunter.description.id = message.hunter_id();
  hunter.description.hostname = message.hostname();
  hunter.description.interfaces = {message.interfaces().begin(), message.interfaces().end()};
  hunter.description.version = message.version();
  hunter.description.capabilities = from_proto(message.capabilities());
  return hunter;
}

fleet::ProcessorTree from_proto(const pb::ProcessorNode& message) {
  fleet::ProcessorNode node{.processor = own(message)};
  if (!message.reachable()) {
    node.link = {
        .reachable = false, .reason = message.unreachable_reason(), .since_ns = message.unreachable_since_ns()};
  }
  for (const pb::ConnectedHunter& hunter : message.hunters()) {
    node.hunters.push_back(std::make_shared<const fleet::ConnectedHunter>(from_proto(hunter)));
  }
  for (const pb::ProcessorNode& child : message.downstream_processors()) node.children.push_back(from_proto(child));
  return std::make_shared<const fleet::ProcessorNode>(std::move(node));
}

Result<fleet::TopologyUpdate> from_proto(const pb::TopologyUpdate& message) {
  if (message.event_case() == pb::TopologyUpdate::kSnapshot) {
    return fleet::TopologyUpdate{.revision = message.revision(), .snapshot = from_proto(message.snapshot())};
  }
  Result<fleet::TreeEvent> event = event_of(message);
  if (!event) return event.error();
  return fleet::TopologyUpdate{.revision = message.revision(),
                        .change = std::make_shared<const fleet::TreeChange>(
                            fleet::TreeChange{.time_ns = message.timestamp_ns(),
                                              .path = {message.path().begin(), message.path().end()},
                                              .event = std::move(*event)})};
}

}  // namespace lc::wire
