// What nodes say of each other, as plain values: the engine and the capture side know these, never the wire's messages.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/fleet/filter.h"

namespace lc::fleet {

/// lippycat.management.HunterStatus, same numbers.
enum class HunterStatus { kHealthy = 0, kWarning = 1, kError = 2, kStopping = 3 };

constexpr std::string_view name_of(HunterStatus status) {
  switch (status) {
    case HunterStatus::kHealthy:
      return "HEALTHY";
    case HunterStatus::kWarning:
      return "WARNING";
    case HunterStatus::kError:
      return "ERROR";
    case HunterStatus::kStopping:
      break;
  }
  return "STOPPING";
}

/// lippycat.management.ProcessorStatus, same numbers.
enum class ProcessorStatus { kHealthy = 0, kWarning = 1, kError = 2 };

struct Capabilities {
  std::vector<std::string> filter_types;
  std::uint64_t max_buffer_bytes = 0;
  bool gpu_acceleration = false;
  bool af_xdp = false;

  bool operator==(const Capabilities&) const = default;
};

/// lippycat.management.HunterRegistration.
struct HunterDescription {
  std::string id;
  std::string hostname;
  std::vector<std::string> interfaces;
  std::string version;
  Capabilities capabilities;
  std::uint64_t epoch = 0;  // 0: a peer that does not know epochs
  std::vector<std::string> features;
  std::string capture_filter;  // libpcap expression of all interfaces; "": everything

  bool operator==(const HunterDescription&) const = default;
};
/// Of HunterDescription::features: takes UPDATE_SNAPSHOT, and its heartbeats say which filter revision is in force.
inline constexpr std::string_view kFilterSnapshotFeature = "filter-snapshot";

/// lippycat.management.InterfaceStats: totals since the hunter's start.
struct InterfaceStats {
  std::string name;
  std::uint64_t captured = 0;
  std::uint64_t dropped = 0;  // before that
};

/// lippycat.management.HunterStats: totals since the hunter's start.
struct HunterStats {
  std::uint64_t packets_captured = 0;
  std::uint64_t packets_matched = 0;
  std::uint64_t packets_forwarded = 0;  // acknowledged
  std::uint64_t packets_dropped = 0;    // sum of dropped_by_reason
  std::uint64_t buffer_bytes = 0;
  std::uint32_t active_filters = 0;
  float cpu_percent = 0;
  std::uint64_t memory_rss_bytes = 0;
  std::uint64_t memory_limit_bytes = 0;  // 0: none
  std::map<std::string, std::uint64_t> dropped_by_reason;
  std::uint64_t packets_filtered = 0;
  std::uint64_t spool_bytes = 0;
  std::int64_t spool_oldest_ns = 0;
  std::uint64_t filter_revision = 0;
  std::uint64_t packets_recovered = 0;
  std::uint64_t packets_in_flight = 0;
  std::vector<InterfaceStats> interfaces;
  std::uint64_t spool_limit_bytes = 0;        // 0: no spool
  std::int64_t certificate_not_after_ns = 0;  // 0: no TLS
  std::int64_t started_ns = 0;                // 0: not said
};

/// lippycat.management.FilterUpdateType, same numbers.
enum class FilterUpdateType : int { kAdd = 0, kModify = 1, kDelete = 2, kSnapshot = 100 };

/// lippycat.management.FilterUpdate.
struct FilterUpdate {
  FilterUpdateType type = FilterUpdateType::kAdd;  // may hold a number that is none: a newer peer's
  Filter filter;                                   // of a deletion, id and type
  std::uint64_t revision = 0;                      // 0: a processor without revisions
  std::vector<Filter> snapshot;

  bool operator==(const FilterUpdate&) const = default;
};

/// lippycat.management.RegistrationResponse.
struct RegistrationAnswer {
  std::string assigned_id;
  std::string processor_id;
  std::vector<Filter> filters;
  std::uint64_t resume_after = 0;
};

}  // namespace lc::fleet
