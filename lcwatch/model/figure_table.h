// What all nodes do, in numbers, with what became of them since the ones before.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/fleet/figures.h"
#include "lcwatch/model/moment.h"
#include "lcwatch/model/node_key.h"
#include "lcwatch/model/series.h"

namespace lc::watch {

struct ProcessorRecord {
  fleet::ProcessorStats stats;
  std::int64_t taken_ns = 0;    // by the processor's clock
  Clock::time_point came = {};  // here
  double packets_per_s = 0;
  double bits_per_s = 0;
  double drops_per_s = 0;
  Series packets;  // of packets_per_s
};

struct HunterRecord {
  fleet::HunterFigures figures;
  std::int64_t taken_ns = 0;
  double packets_per_s = 0;  // captured
  double drops_per_s = 0;
  Series packets;

  /// Of what passed it since its start, what was dropped.
  [[nodiscard]] double drop_percent() const;
};

/// How full a spool is; 0 without a limit.
double spool_percent(std::uint64_t bytes, std::uint64_t limit_bytes);

/// One thread.
class FigureTable {
 public:
  void take(ServerIndex server, const fleet::FiguresAt& at, Moment now);

  /// Nodes that are not in the tree any more are forgotten.
  void keep_only(ServerIndex server, const fleet::ProcessorTree& tree);
  void forget_hunter(const NodeKey& hunter);

  [[nodiscard]] const ProcessorRecord* processor(const NodeKey& key) const;
  [[nodiscard]] const HunterRecord* hunter(const NodeKey& key) const;

  /// How many of the hunters of this processor a filter is for, and how many of them have it in force.
  struct Applied {
    std::size_t have = 0;
    std::size_t targeted = 0;
  };
  [[nodiscard]] Applied applied(const NodeKey& processor, const std::vector<std::string>& targets) const;

 private:
  std::map<NodeKey, ProcessorRecord> processors_;
  std::map<NodeKey, HunterRecord> hunters_;
};

}  // namespace lc::watch
