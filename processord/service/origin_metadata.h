// Whose batches a forwarded stream carries, as it travels with the call.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/server_context.h>

#include <optional>
#include <string>

#include "common/base/result.h"
#include "processord/engine/hunter_key.h"
#include "processord/forward/lane.h"

namespace lc::processor {

/// As the child `self_id` tells it its parent.
void add_origin(grpc::ClientContext& context, const std::string& self_id, const Origin& origin);

/// Nothing: a hunter's own stream. kInvalidArgument when it can't be read.
Result<std::optional<RelayedOrigin>> origin_of(const grpc::CallbackServerContext& context);

}  // namespace lc::processor
