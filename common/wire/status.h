// lc::Error and grpc::Status, one to one.
#pragma once

#include <grpcpp/support/status.h>

#include "common/base/result.h"

namespace lc::wire {

grpc::Status to_grpc(const Error& error);
Error from_grpc(const grpc::Status& status);  // not for an OK status

}  // namespace lc::wire
