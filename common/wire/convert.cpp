#include "common/wire/convert.h"

namespace lc::wire {
namespace {

namespace pb = lippycat::management;

template <typename Repeated>
std::vector<std::string> strings(const Repeated& repeated) {
  return {repeated.begin(), repeated.end()};
}

std::vector<fleet::InterfaceStats> interfaces(const pb::HunterStats& message) {
  std::vector<fleet::InterfaceStats> all;
  constexpr std::size_t kMostInterfaces = 256;
  for (const pb::InterfaceStats& one : message.interfaces()) {
    if (all.size() == kMostInterfaces) break;
    all.push_back({one.name(), one.packets_captured(), one.packets_dropped()});
  }
  return all;
}

}  // namespace

fleet::HunterDescription from_proto(const pb::HunterRegistration& message) {
  return {.id = message.hunter_id(),
          .hostname = message.hostname(),
          .interfaces = strings(message.interfaces()),
          .version = message.version(),
          .capabilities = from_proto(message.capabilities()),
          .epoch = message.epoch(),
          .features = strings(message.features()),
          .capture_filter = message.capture_filter()};
}

fleet::Capabilities from_proto(const pb::HunterCapabilities& message) {
  return {.filter_types = strings(message.filter_types()),
          .max_buffer_bytes = message.max_buffer_size(),
          .gpu_acceleration = message.gpu_acceleration(),
          .af_xdp = message.af_xdp()};
}

pb::HunterCapabilities to_proto(const fleet::Capabilities& capabilities) {
  pb::HunterCapabilities message;
  message.mutable_filter_types()->Add(capabilities.filter_types.begin(), capabilities.filter_types.end());
  message.set_max_buffer_size(capabilities.max_buffer_bytes);
  message.set_gpu_acceleration(capabilities.gpu_acceleration);
  message.set_af_xdp(capabilities.af_xdp);
  return message;
}

pb::HunterRegistration to_proto(const fleet::HunterDescription& hunter) {
  pb::HunterRegistration message;
  message.set_hunter_id(hunter.id);
  message.set_hostname(hunter.hostname);
  message.mutable_interfaces()->Add(hunter.interfaces.begin(), hunter.interfaces.end());
  message.set_version(hunter.version);
  *message.mutable_capabilities() = to_proto(hunter.capabilities);
  message.set_epoch(hunter.epoch);
  message.mutable_features()->Add(hunter.features.begin(), hunter.features.end());
  message.set_capture_filter(hunter.capture_filter);
  return message;
}

std::map<std::string, std::uint64_t> drop_reasons(const google::protobuf::Map<std::string, std::uint64_t>& message) {
  constexpr std::size_t kMostReasons = 32;
  constexpr std::size_t kLongestReason = 64;
  std::map<std::string, std::uint64_t> reasons;
  for (const auto& [reason, packets] : message) {
    if (reasons.size() < kMostReasons && reason.size() <= kLongestReason) reasons.emplace(reason, packets);
  }
  return reasons;
}

fleet::HunterStats from_proto(const pb::HunterStats& message) {
  return {.packets_captured = message.packets_captured(),
          .packets_matched = message.packets_matched(),
          .packets_forwarded = message.packets_forwarded(),
          .packets_dropped = message.packets_dropped(),
          .buffer_bytes = message.buffer_bytes(),
          .active_filters = message.active_filters(),
          .cpu_percent = message.cpu_percent(),
          .memory_rss_bytes = message.memory_rss_bytes(),
          .memory_limit_bytes = message.memory_limit_bytes(),
          .dropped_by_reason = drop_reasons(message.dropped_by_reason()),
          .packets_filtered = message.packets_filtered(),
          .spool_bytes = message.spool_bytes(),
          .spool_oldest_ns = message.spool_oldest_ns(),
          .filter_revision = message.filter_revision(),
          .packets_recovered = message.packets_recovered(),
          .packets_in_flight = message.packets_in_flight(),
          .interfaces = interfaces(message),
          .spool_limit_bytes = message.spool_limit_bytes(),
          .certificate_not_after_ns = message.certificate_not_after_ns(),
          .started_ns = message.started_ns()};
}

pb::HunterStats to_proto(const fleet::HunterStats& stats) {
  pb::HunterStats message;
  message.set_packets_captured(stats.packets_captured);
  message.set_packets_matched(stats.packets_matched);
  message.set_packets_forwarded(stats.packets_forwarded);
  message.set_packets_dropped(stats.packets_dropped);
  message.set_buffer_bytes(stats.buffer_bytes);
  message.set_active_filters(stats.active_filters);
  message.set_cpu_percent(stats.cpu_percent);
  message.set_memory_rss_bytes(stats.memory_rss_bytes);
  message.set_memory_limit_bytes(stats.memory_limit_bytes);
  message.mutable_dropped_by_reason()->insert(stats.dropped_by_reason.begin(), stats.dropped_by_reason.end());
  message.set_packets_filtered(stats.packets_filtered);
  message.set_spool_bytes(stats.spool_bytes);
  message.set_spool_oldest_ns(stats.spool_oldest_ns);
  message.set_filter_revision(stats.filter_revision);
  message.set_packets_recovered(stats.packets_recovered);
  message.set_packets_in_flight(stats.packets_in_flight);
  for (const fleet::InterfaceStats& stats_of_one : stats.interfaces) {
    pb::InterfaceStats& interface = *message.add_interfaces();
    interface.set_name(stats_of_one.name);
    interface.set_packets_captured(stats_of_one.captured);
    interface.set_packets_dropped(stats_of_one.dropped);
  }
  message.set_spool_limit_bytes(stats.spool_limit_bytes);
  message.set_certificate_not_after_ns(stats.certificate_not_after_ns);
  message.set_started_ns(stats.started_ns);
  return message;
}

fleet::Filter from_proto(const pb::Filter& message) {
  return {.id = message.id(),
          .type = static_cast<fleet::FilterType>(static_cast<int>(message.type())),
          .pattern = message.pattern(),
          .target_hunters = strings(message.target_hunters()),
          .enabled = message.enabled(),
          .description = message.description(),
          .action = static_cast<fleet::CaptureAction>(static_cast<int>(message.action())),
          .expires_at_ns = message.expires_at_ns(),
          .follows = strings(message.follows())};
}

pb::Filter to_proto(const fleet::Filter& filter) {
  pb::Filter message;
  message.set_id(filter.id);
  message.set_type(static_cast<pb::FilterType>(static_cast<int>(filter.type)));
  message.set_pattern(filter.pattern);
  message.mutable_target_hunters()->Add(filter.target_hunters.begin(), filter.target_hunters.end());
  message.set_enabled(filter.enabled);
  message.set_description(filter.description);
  message.set_action(static_cast<pb::CaptureAction>(static_cast<int>(filter.action)));
  message.set_expires_at_ns(filter.expires_at_ns);
  message.mutable_follows()->Add(filter.follows.begin(), filter.follows.end());
  return message;
}

fleet::FilterUpdate from_proto(const pb::FilterUpdate& message) {
  fleet::FilterUpdate update{.type = static_cast<fleet::FilterUpdateType>(static_cast<int>(message.update_type())),
                             .filter = from_proto(message.filter()),
                             .revision = message.revision(),
                             .snapshot = {}};
  update.snapshot.reserve(static_cast<std::size_t>(message.snapshot_size()));
  for (const pb::Filter& filter : message.snapshot()) update.snapshot.push_back(from_proto(filter));
  return update;
}

pb::FilterUpdate to_proto(const fleet::FilterUpdate& update) {
  pb::FilterUpdate message;
  message.set_update_type(static_cast<pb::FilterUpdateType>(static_cast<int>(update.type)));
  if (update.type != fleet::FilterUpdateType::kSnapshot) *message.mutable_filter() = to_proto(update.filter);
  message.set_revision(update.revision);
  message.mutable_snapshot()->Reserve(static_cast<int>(update.snapshot.size()));
  for (const fleet::Filter& filter : update.snapshot) *message.add_snapshot() = to_proto(filter);
  return message;
}

fleet::RegistrationAnswer from_proto(const pb::RegistrationResponse& message) {
  fleet::RegistrationAnswer answer{.assigned_id = message.assigned_id(),
                                   .processor_id = message.config().processor_id(),
                                   .filters = {},
                                   .resume_after = message.resume_after()};
  for (const pb::Filter& filter : message.filters()) answer.filters.push_back(from_proto(filter));
  return answer;
}

fleet::HunterStatus from_proto(pb::HunterStatus status) {
  switch (status) {
    case pb::STATUS_HEALTHY:
      return fleet::HunterStatus::kHealthy;
    case pb::STATUS_ERROR:
      return fleet::HunterStatus::kError;
    case pb::STATUS_STOPPING:
      return fleet::HunterStatus::kStopping;
    default:
      return fleet::HunterStatus::kWarning;
  }
}

pb::HunterStatus to_proto(fleet::HunterStatus status) {
  return static_cast<pb::HunterStatus>(static_cast<int>(status));
}

packet::Flow from_proto(lippycat::data::FlowControl control) {
  switch (control) {
    case lippycat::data::FLOW_SLOW:
      return packet::Flow::kSlow;
    case lippycat::data::FLOW_PAUSE:
      return packet::Flow::kPause;
    default:
      return packet::Flow::kContinue;
  }
}

}  // namespace lc::wire
