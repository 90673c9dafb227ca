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
  /// `default_role`: of certificates that name none, and of who shows none although there is TLS.
  Access(std::optional<pki::Role> default_role, bool has_tls) : default_role_(default_role), has_tls_(has_tls) {}

  /// The name of the caller, who may change filters: its certificate's first, or its address where it has shown none.
  /// kPermissionDenied: with TLS, who has not the role operator or admin.
  [[nodiscard]] Result<std::string> may_change(const grpc::ServerContextBase& context) const;

 private:
  [[nodiscard]] Result<std::string> admit(std::string name, std::optional<pki::Role> role) const;

  const std::optional<pki::Role> default_role_;
  const bool has_tls_;
};

}  // namespace lc::processor
