// Processors that are watched without a console: what has come, and what went wrong.
#pragma once

#include <chrono>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "common/base/exit_code.h"
#include "common/base/signals.h"
#include "lcwatch/model/inbox.h"
#include "lcwatch/model/model.h"
#include "lcwatch/remote/grpc_remote.h"

namespace lc::watch {

/// What the program returns for an error: 77 for who may not, 69 where nobody can be reached, else 1.
ExitCode exit_code_of(const Error& error);

/// One thread.
class Session {
 public:
  Session(const std::vector<WatchedServer>& servers, const WatchedStreams& streams, Signals& signals,
          PacketQueue* packets = nullptr);

  enum class Wait { kCame, kOther, kNothing, kSignal };
  /// Until something has come, one of `fds` is readable (kOther), a signal has, or `limit` has passed.
  Wait wait(std::chrono::milliseconds limit, std::initializer_list<int> fds = {});
  /// Shows each update to the model, and then to `took`.
  void take(const std::function<void(const Update&)>& took);

  [[nodiscard]] const Model& model() const { return model_; }
  [[nodiscard]] Remote& remote() { return remote_; }
  [[nodiscard]] std::size_t servers() const { return servers_.size(); }

  /// Why the server can't be had: one of its streams is down. It may come back.
  [[nodiscard]] const std::optional<Error>& failure(ServerIndex server) const { return servers_[server].failure; }
  /// One of its streams has stood.
  [[nodiscard]] bool reached(ServerIndex server) const { return servers_[server].reached; }
  /// Something else that is asked of it went wrong.
  void fail(ServerIndex server, const Error& error) {
    servers_[server].failure = error;
    servers_[server].for_good = true;
  }
  /// There is no server that anything can be had of: none was reached, or what is wrong will stay so.
  [[nodiscard]] bool hopeless() const;
  /// Says each failure once, on standard error.
  void report_failures();
  /// kOk unless a failure was reported.
  [[nodiscard]] ExitCode code() const { return code_; }

 private:
  struct Server {
    std::optional<Error> failure;
    bool reached = false;
    bool for_good = false;  // the failure
    std::string reported;
  };
  void note(const StreamChanged& changed);

  Signals& signals_;
  std::vector<Server> servers_;
  ExitCode code_ = ExitCode::kOk;
  Inbox inbox_;
  Model model_;
  GrpcRemote remote_;
};

}  // namespace lc::watch
