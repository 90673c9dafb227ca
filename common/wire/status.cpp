#include "common/wire/status.h"

namespace lc::wire {

grpc::Status to_grpc(const Error& error) {
  return {static_cast<grpc::StatusCode>(static_cast<int>(error.code)), error.text};
}

Error from_grpc(const grpc::Status& status) {
  return {static_cast<Code>(static_cast<int>(status.error_code())), status.error_message()};
}

}  // namespace lc::wire
