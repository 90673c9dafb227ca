// One of the things that --batch shows.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "lcwatch/batch/session.h"

namespace lc::watch {

enum class BatchWhat { kNodes, kTopology, kFilters, kCalls, kEvents, kPackets };

struct BatchSettings {
  BatchWhat what = BatchWhat::kNodes;
  bool json = false;
  bool follow = false;
  std::string on;           // filters: of which processor, an id or a path; empty: the server itself
  std::uint64_t count = 0;  // events and packets: of these the first; 0: all
};

/// One thread.
class BatchView {
 public:
  virtual ~BatchView() = default;

  /// Has come, and the model has it. What is to be written now, as lines: of --follow, and of what only ever comes.
  virtual std::string took(const Update& update) = 0;
  /// All that there is of the server has come.
  [[nodiscard]] virtual bool complete(ServerIndex server) const = 0;
  /// All there is; once, when nothing is followed.
  virtual std::string all() { return {}; }
};

std::unique_ptr<BatchView> nodes_view(const BatchSettings& settings, Session& session);
std::unique_ptr<BatchView> topology_view(const BatchSettings& settings, Session& session);
std::unique_ptr<BatchView> filters_view(const BatchSettings& settings, Session& session);
std::unique_ptr<BatchView> calls_view(const BatchSettings& settings, Session& session);
std::unique_ptr<BatchView> events_view(const BatchSettings& settings, Session& session);

/// Where the id or path leads in a tree: kNotFound, or, where several have the id, kFailedPrecondition.
Result<fleet::NodePath> resolve(const fleet::ProcessorTree& tree, const std::string& on);

}  // namespace lc::watch
