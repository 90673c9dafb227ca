// Which key an issuer's tokens have to be signed with: its certificate's, or the one that came down the links.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/pki/identity.h"
#include "common/pki/openssl.h"
#include "processord/tokens/token.h"

namespace lc::processor {

/// Any thread.
class IssuerKeys {
 public:
  virtual ~IssuerKeys() = default;
  /// The key of `token.issuer_id` at `now_ns`. kUnauthenticated: it has none that is to be believed. kPermissionDenied:
  /// it has not the role of a processor.
  [[nodiscard]] virtual Result<pki::Key> key_of(const Token& token, std::int64_t now_ns) const = 0;
};

/// With TLS: the key of the token's first certificate, which must belong to the issuer, have the role of a processor,
/// and lead to a CA of `ca_pem` (RFC 5280, 6; 112 bits of security at least) as its clients would demand of the
/// issuer's server. `default_role` is that of certificates that name none. kInvalidArgument: no certificates in
/// `ca_pem`.
Result<std::shared_ptr<const IssuerKeys>> certified_keys(std::string_view ca_pem,
                                                         std::optional<pki::Role> default_role);

struct AnnouncedKey {
  std::string id;          // of a processor
  std::string public_key;  // TokenSigner::public_key()
};

/// Without TLS: the keys of the processors above, as they came down the links, and this one's own. kInvalidArgument: an
/// id twice, or what is no key; nobody's key stands in for another's.
Result<std::shared_ptr<const IssuerKeys>> announced_keys(const std::vector<AnnouncedKey>& keys);

}  // namespace lc::processor
