// What a SubscribeTopology brings.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include "common/base/guarded.h"
#include "common/base/result.h"
#include "lcwatch/model/inbox.h"
#include "lippycat/management.pb.h"

namespace lc::watch {

/// One call at a time, but for tree().
class TopologyTaker {
 public:
  TopologyTaker(ServerIndex server, Inbox& inbox) : server_(server), inbox_(inbox) {}

  /// A new call: its first update is a snapshot.
  void begin();
  /// An Error ends the call: updates are missing, or do not fit the tree; a new call brings all of it.
  Result<bool> take(const grpc::ByteBuffer& buffer);

  /// As last known; null before the first one. Any thread.
  [[nodiscard]] fleet::ProcessorTree tree() const {
    return tree_.with([](const fleet::ProcessorTree& tree) { return tree; });
  }

 private:
  Status take(const fleet::TopologyUpdate& update);

  const ServerIndex server_;
  Inbox& inbox_;
  lippycat::management::TopologyUpdate message_;
  std::uint64_t revision_ = 0;
  bool has_snapshot_ = false;  // of this call
  Guarded<fleet::ProcessorTree> tree_;
};

}  // namespace lc::watch
