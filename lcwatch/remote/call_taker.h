// What a SubscribeCorrelatedCalls brings.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <memory>
#include <string>

#include "common/base/guarded.h"
#include "common/base/result.h"
#include "lcwatch/model/inbox.h"
#include "lippycat/data.pb.h"

namespace lc::watch {

/// Of all calls, or of the one that is shown with its messages. Each subscription: one call at a time.
class CallTaker {
 public:
  CallTaker(ServerIndex server, Inbox& inbox) : server_(server), inbox_(inbox) {}

  Result<bool> take_all(const grpc::ByteBuffer& buffer);
  Result<bool> take_shown(const grpc::ByteBuffer& buffer);

  // Any thread.
  void show(std::string id) {
    shown_.with([&](Shown& shown) { shown = {std::move(id), nullptr, false}; });
  }
  [[nodiscard]] std::string shown() const {
    return shown_.with([](const Shown& shown) { return shown.id; });
  }
  /// Its subscription is no more: the other one tells of it again.
  void lost_shown() {
    shown_.with([](Shown& shown) { shown.last = nullptr; });
  }

 private:
  struct Shown {
    std::string id;
    std::shared_ptr<const fleet::Call> last;  // as its own subscription brought it, with messages
    bool gone = false;  // the other one has said so, and is not to be contradicted by what was sent before
  };

  const ServerIndex server_;
  Inbox& inbox_;
  lippycat::data::CorrelatedCallUpdate all_;
  lippycat::data::CorrelatedCallUpdate one_;
  Guarded<Shown> shown_;
};

}  // namespace lc::watch
