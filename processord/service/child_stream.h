// The server's end of one LinkService.Attach call: the stream under a ParentEnd.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/base/guarded.h"
#include "lippycat/link.pb.h"
#include "processord/tree/hierarchy.h"

namespace lc::processor {

/// Writes one message at a time. As in ServerStream, `busy_` is the token for the write side. Keeps itself alive until
/// OnDone.
class ChildStream final : public grpc::ServerBidiReactor<lippycat::link::FromChild, lippycat::link::FromParent>,
                          public std::enable_shared_from_this<ChildStream> {
 public:
  /// `address`: of the child's connection.
  static std::shared_ptr<ChildStream> start(Hierarchy& hierarchy, const std::string& address);

  explicit ChildStream(Hierarchy& hierarchy) : hierarchy_(hierarchy) {}

  /// Any thread.
  void tick(Clock::time_point now);

 private:
  void settle();
  [[nodiscard]] bool has_something_to_do() const;
  bool produce();
  void close(const Error& reason);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  Hierarchy& hierarchy_;
  std::shared_ptr<ParentEnd> end_;
  lippycat::link::FromChild incoming_;
  lippycat::link::FromParent outgoing_;
  std::atomic<bool> busy_{false};
  std::atomic<bool> closing_{false};
  std::atomic<bool> beat_due_{false};
  std::atomic<Clock::time_point> heard_at_{Clock::now()};
  Clock::time_point beat_at_ = Clock::now();  // tick()'s
  bool last_ = false;                         // with the token: what is being written is the last message
  Guarded<Error> reason_{std::in_place, Error{Code::kOk, ""}};  // why the call ends
  std::shared_ptr<ChildStream> self_;
};

}  // namespace lc::processor
