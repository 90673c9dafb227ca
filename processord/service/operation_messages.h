// Operations, their tokens and what comes of them, as messages.
#pragma once

#include <grpcpp/support/status.h>

#include "lippycat/management.pb.h"
#include "processord/tokens/token.h"
#include "processord/tree/link_messages.h"

namespace lc::processor {

lippycat::management::AuthorizationToken to_proto(const Token& token);
Token from_proto(const lippycat::management::AuthorizationToken& message);

/// Of an operation that failed: with ErrorDetails that say where.
grpc::Status to_grpc(const OperationOutcome& outcome);

}  // namespace lc::processor
