// Issues authorization tokens.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/pki/openssl.h"
#include "processord/tokens/token.h"

namespace lc::processor {

/// Any thread.
class TokenSigner {
 public:
  /// With TLS: the issuer's certificate with those that lead to its CA, and its key, as they are used for TLS.
  /// kFailedPrecondition, with the remedy: what no verifier would accept.
  static Result<TokenSigner> with_certificates(std::string issuer_id, std::string_view certificates_pem,
                                               std::string_view key_pem);

  /// Without: a key of its own, which is gone with it.
  static Result<TokenSigner> with_own_key(std::string issuer_id);

  /// What has to come down the links to every processor below: 32 bytes of Ed25519 (RFC 8032). Empty with certificates.
  [[nodiscard]] const std::string& public_key() const { return public_key_; }

  /// A token that allows `subject` a change on the last of `chain`: the ids from the issuer down to the target, both
  /// included. Good from `now_ns` on, the nanoseconds since 1970, for kTokenLifetime. kInvalidArgument: a chain that
  /// does not begin here, an id that is none, a subject that is not UTF-8 or too long.
  [[nodiscard]] Result<Token> issue(std::vector<std::string> chain, std::string subject, std::int64_t now_ns) const;

 private:
  TokenSigner(std::string issuer_id, pki::Key key, std::string certificates, std::string public_key);

  std::string issuer_id_;
  pki::Key key_;
  std::string certificates_;
  std::string public_key_;
};

}  // namespace lc::processor
