// One subscription that is kept: a call that is begun again whenever it ends.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/base/backoff.h"
#include "common/base/clock.h"
#include "common/base/result.h"
#include "lcwatch/remote/connection.h"
#include "lcwatch/remote/reading.h"
#include "lcwatch/remote/worker.h"

namespace lc::watch {

/// On the worker's thread, and outlives its calls: see calls in close().
class Feed {
 public:
  struct Subscription {
    std::string method;
    std::function<grpc::ByteBuffer()> request;  // worker: of the call that is about to begin, so what is known is void
    // gRPC's threads, as Reading::Events.
    std::function<void()> stands;
    std::function<Result<bool>(const grpc::ByteBuffer&)> received;
    std::function<bool()> room = [] { return true; };
    // Worker.
    std::function<void()> began = {};  // it stands
    std::function<void(const Error&, bool stood, Clock::time_point retry_at)> lost;
    std::function<void()> over;  // no call of it is left, and it is not wanted
  };

  Feed(Worker& worker, Connection& connection, Subscription subscription);

  void want(bool wanted);
  /// A new call in place of the present one, at once.
  void renew();
  /// If it only waits for its time: now.
  void hurry();
  void resume();
  [[nodiscard]] bool wanted() const { return wanted_; }
  [[nodiscard]] bool stands() const { return stands_; }

 private:
  void open();
  void ended(const Error& error);
  void wait(const Error& error);

  Worker& worker_;
  Connection& connection_;
  const Subscription subscription_;
  Backoff backoff_;
  std::shared_ptr<Reading> reading_;
  bool wanted_ = false;
  bool again_ = false;  // at once, when the call that is being cancelled has ended
  bool stands_ = false;
  bool quick_ = true;  // the retry after a call that hardly stood
  Clock::time_point stood_at_;
  std::uint64_t attempt_ = 0;  // makes what waits for a time void
};

}  // namespace lc::watch
