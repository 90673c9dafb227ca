// All that a console knows of the processors it watches.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "lcwatch/model/call_table.h"
#include "lcwatch/model/event_log.h"
#include "lcwatch/model/figure_table.h"
#include "lcwatch/model/moment.h"
#include "lcwatch/model/node_key.h"
#include "lcwatch/model/nodes.h"
#include "lcwatch/model/packet_ring.h"
#include "lcwatch/model/series.h"
#include "lcwatch/model/update.h"

namespace lc::watch {

inline constexpr std::array kStreams = {StreamKind::kTopology, StreamKind::kPackets, StreamKind::kCalls};
std::string_view name_of(StreamKind stream);  // topology, packets, calls

struct StreamState {
  enum class At { kConnecting, kUp, kDown };
  At at = At::kConnecting;
  std::string reason = {};          // when it is down
  Clock::time_point retry_at = {};  // likewise
  std::optional<Moment> lost = {};  // likewise: since when; nothing: it never stood
};

/// The answer to Remote::list_filters().
struct FilterList {
  std::vector<FilterRow> rows;       // the last that came
  std::optional<std::string> error;  // why the last time there were none
};

/// One thread: that of the user interface.
class Model {
 public:
  explicit Model(std::vector<std::string> servers);

  void apply(Update update, Moment now);
  /// To be called about once a second: sparklines of the whole go by time.
  void advance(Moment now);

  [[nodiscard]] const std::vector<std::string>& servers() const { return servers_; }
  [[nodiscard]] const fleet::ProcessorTree& tree(ServerIndex server) const { return trees_[server]; }
  [[nodiscard]] std::vector<NodeRow> rows(const std::set<NodeKey>& collapsed) const;
  [[nodiscard]] const FigureTable& figures() const { return figures_; }
  [[nodiscard]] PacketRing& packets() { return packets_; }
  [[nodiscard]] const PacketRing& packets() const { return packets_; }
  [[nodiscard]] const CallTable& calls() const { return calls_; }
  [[nodiscard]] const EventLog& events() const { return events_; }
  [[nodiscard]] const FilterList* filters(const NodeKey& processor) const;  // null: none came yet
  [[nodiscard]] const StreamState& stream(ServerIndex server, StreamKind kind) const {
    return streams_[server][static_cast<std::size_t>(kind)];
  }
  /// Whether a stream of this kind is down at any of the processors.
  [[nodiscard]] bool any_down(StreamKind kind) const;

  // Of all processors that are watched, at each second.
  [[nodiscard]] const Series& packets_per_s() const { return packets_per_s_; }
  [[nodiscard]] const Series& bits_per_s() const { return bits_per_s_; }
  [[nodiscard]] const Series& calls_active() const { return calls_active_; }

  // Operations: what was asked of whom, until it is done.
  void began(std::uint64_t operation, const NodeKey& processor, std::string what);
  struct Outcome {
    std::uint64_t operation = 0;
    NodeKey processor;
    bool well = false;
    std::string text;
  };
  /// The outcomes since the last call.
  std::vector<Outcome> take_outcomes() { return std::exchange(outcomes_, {}); }
  /// Processors whose filters have changed since the last call.
  std::set<NodeKey> take_changed_filters() { return std::exchange(changed_filters_, {}); }
  /// The processor has said that this console may not change anything.
  [[nodiscard]] bool refused(ServerIndex server) const { return refused_.contains(server); }

  void note(Moment now, Severity severity, std::string where, std::string text);
  /// "noc" or "noc/east/proc-b".
  [[nodiscard]] std::string where(ServerIndex server, const fleet::NodePath& path) const;
  /// The same for narrow columns: of a single server only the path is told, "/east/proc-b".
  [[nodiscard]] std::string place(ServerIndex server, const fleet::NodePath& path) const;

 private:
  struct Operation {
    NodeKey processor;
    std::string what;
  };

  void take(StreamChanged&& changed, Moment now);
  void take(TreeCame&& came, Moment now);
  void forget_figures(const TreeCame& came);
  void take(FiguresCame&& came, Moment now);
  void take(FiltersCame&& came, Moment now);
  void take(OperationDone&& done, Moment now);

  const std::vector<std::string> servers_;
  std::vector<std::array<StreamState, kStreams.size()>> streams_;
  std::vector<fleet::ProcessorTree> trees_;
  FigureTable figures_;
  PacketRing packets_;
  CallTable calls_;
  std::map<NodeKey, FilterList> filters_;
  EventLog events_;
  Series packets_per_s_, bits_per_s_, calls_active_;
  std::map<std::uint64_t, Operation> operations_;
  std::vector<Outcome> outcomes_;
  std::set<NodeKey> changed_filters_;
  std::set<ServerIndex> refused_;
};

}  // namespace lc::watch
