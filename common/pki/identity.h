// Who a certificate says that its owner is, and what that one may do.
#pragma once

#include <openssl/x509.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace lc::pki {

enum class Role { kHunter, kProcessor, kOperator, kViewer, kAdmin };

std::string_view name_of(Role role);
std::optional<Role> role_named(std::string_view name);

struct Identity {
  std::vector<std::string> names;  // DNS names of the subjectAltName (RFC 5280, 4.2.1.6), in the certificate's order
  std::optional<Role> role;        // of its URI urn:lippycat:role:ROLE

  /// Letter for letter: ids are no host names, and a wildcard is none at all.
  [[nodiscard]] bool may_use(std::string_view id) const;
};

/// Any thread; does not ask whether the certificate is to be believed. kPermissionDenied: a role that there is not,
/// more than one role, or a subjectAltName that can't be read.
Result<Identity> identity_of(const X509& certificate);

}  // namespace lc::pki
