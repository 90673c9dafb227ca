// Operations on processors below: how a call becomes one, what each processor on the way asks of it, and how it is
// done.
#pragma once

#include <google/protobuf/message_lite.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "lippycat/link.pb.h"
#include "processord/engine/engine.h"
#include "processord/service/token_desk.h"
#include "processord/tree/hierarchy.h"

namespace lc::processor {

/// Any thread. What an operation is called with and answered, is the request and the response of the call that it
/// stands for (lippycat.link.OperationKind).
class Operations {
 public:
  /// All must outlive it.
  Operations(Engine& engine, Hierarchy& hierarchy, TokenDesk& tokens)
      : engine_(engine), hierarchy_(hierarchy), tokens_(tokens) {}

  /// Has the processor `target` (Hierarchy::resolve()) answer the request. `patience`: of the caller.
  void operate(const std::string& target, lippycat::link::OperationKind kind,
               const google::protobuf::MessageLite& request, std::chrono::milliseconds patience, Hierarchy::Done done);
  /// A token for a change there, asked for by `subject`. Errors are those of Hierarchy::resolve() and
  /// TokenDesk::issue().
  [[nodiscard]] Result<Token> issue_token(const std::string& target, std::string subject) const;

  // As Hierarchy::Host's.
  Status check(std::uint32_t kind, const std::string& payload, const fleet::NodePath& below);
  void carry_out(std::uint32_t kind, const std::string& payload, const Hierarchy::Done& done);

 private:
  Engine& engine_;
  Hierarchy& hierarchy_;
  TokenDesk& tokens_;
};

}  // namespace lc::processor
