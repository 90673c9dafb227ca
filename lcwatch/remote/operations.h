// Single calls to a processor: its filters, and those of the processors below it.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "lcwatch/model/update.h"
#include "lcwatch/remote/connection.h"
#include "lcwatch/remote/worker.h"
#include "lippycat/management.grpc.pb.h"

namespace lc::watch {

/// `target`: a processor below, by its id or path; empty: the one that is called. All on the worker's thread, answers
/// too. Errors name the processor that failed, if it was one below.
class Operations {
 public:
  /// `over` is called when a call has ended.
  Operations(Worker& worker, Connection& connection, std::function<void()> over);

  void list(const std::string& target, std::function<void(Result<std::vector<FilterRow>>)> done);

  /// What came of a change, in one line.
  using Changed = std::function<void(Result<std::string>)>;
  void save(const std::string& target, const fleet::Filter& filter, Changed done);
  void remove(const std::string& target, const std::string& id, Changed done);

  /// Whether filters may be changed; an Error if that can't be known now.
  void ask_access(std::function<void(Result<bool>)> done);

  /// At the end: what is under way, and what would follow from it, ends with kCancelled.
  void cancel();

 private:
  using Stub = lippycat::management::ManagementService::StubInterface::async_interface;
  template <typename Request, typename Response>
  using Method = void (Stub::*)(grpc::ClientContext*, const Request*, Response*, std::function<void(grpc::Status)>);
  template <typename Response>
  using Answer = std::function<void(const Result<const Response*>&)>;
  using Token = lippycat::management::AuthorizationToken;
  using Outcome = lippycat::management::FilterUpdateResult;

  template <typename Request, typename Response>
  void call(Method<Request, Response> method, Request request, Answer<Response> answer);
  /// With a token of its own; once more with a new one if that is refused.
  void change_below(const std::string& target, std::function<void(const Token&, Answer<Outcome>)> attempt,
                    Answer<Outcome> done, bool again = true);

  Worker& worker_;
  Connection& connection_;
  const std::function<void()> over_;
  std::set<grpc::ClientContext*> under_way_;
  bool ending_ = false;
};

}  // namespace lc::watch
