// Who makes a call, as far as the connection says, and what that one may do.
#pragma once

#include <grpcpp/server_context.h>

#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/pki/identity.h"

namespace lc::processor {

/// Any thread.
class Access {
 public:
  /// `default_role`: of certificates that name none.
  explicit Access(std::optional<pki::Role> default_role) : default_role_(default_role) {}

  /// The name of the caller, who may change filters: its certificate's first, or its address where it has shown none,
  /// as nobody is asked for one. kPermissionDenied: a certificate with a role other than operator and admin.
  [[nodiscard]] Result<std::string> may_change(const grpc::ServerContextBase& context) const;

 private:
  const std::optional<pki::Role> default_role_;
};

}  // namespace lc::processor
