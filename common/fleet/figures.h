// How nodes are doing, in numbers: beside the tree, whose changes are numbered, these only ever replace each other.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/fleet/hunter.h"
#include "common/fleet/processor_tree.h"

namespace lc::fleet {

/// lippycat.management.HunterFigures: a hunter's, as its processor knows them.
struct HunterFigures {
  std::string id;
  HunterStats stats;                    // of its last heartbeat
  std::uint64_t filter_revision = 0;    // it should have in force; stats.filter_revision is what it has
  std::uint32_t filters_targeting = 0;  // how many filters are for it
  std::int64_t last_heartbeat_ns = 0;   // by its processor's clock
  std::int64_t clock_offset_ns = 0;     // its clock less its processor's, the way of a heartbeat included
};

/// lippycat.management.ProcessorStats: totals since the processor's start.
struct ProcessorStats {
  std::uint64_t packets_received = 0;  // repetitions not counted
  std::uint64_t bytes_received = 0;    // of these packets, as captured
  std::uint64_t packets_forwarded = 0;
  std::uint64_t packets_stored = 0;
  std::uint64_t packets_live_only = 0;
  std::uint64_t packets_in_flight = 0;
  std::uint64_t packets_duplicate = 0;
  std::map<std::string, std::uint64_t> dropped_by_reason;
  std::uint32_t filters = 0;
  float cpu_percent = 0;  // of one core
  std::uint64_t memory_rss_bytes = 0;
  std::int64_t started_ns = 0;
  std::uint64_t spool_bytes = 0;
  std::uint64_t spool_limit_bytes = 0;  // 0: no spool
  std::uint32_t calls_active = 0;       // followed now
  std::uint64_t calls_total = 0;
  std::int64_t certificate_not_after_ns = 0;  // 0: no TLS
};

/// Of a processor and its own hunters, in order of their ids; who is not in there has no figures.
struct NodeFigures {
  std::int64_t taken_ns = 0;  // by the processor's clock
  ProcessorStats processor;
  std::vector<HunterFigures> hunters;
};

/// lippycat.management.TopologyUpdate with figures: those at the end of the path.
struct FiguresAt {
  NodePath path;
  NodeFigures figures;
};

}  // namespace lc::fleet
