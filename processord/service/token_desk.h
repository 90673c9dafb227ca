// This processor's part in authorization tokens: it issues its own, and checks those that operations come with.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/base/guarded.h"
#include "common/config/tls_settings.h"
#include "common/fleet/processor_tree.h"
#include "processord/tokens/token_signer.h"
#include "processord/tokens/token_verifier.h"
#include "processord/tree/link_messages.h"

namespace lc::processor {

/// Any thread.
class TokenDesk {
 public:
  /// Throws StartError (78) when the TLS files can't be used. That tokens can't be signed with them is no fault of a
  /// processor that issues none: issue() says so.
  TokenDesk(std::string self_id, const config::TlsSettings& tls);

  /// For ProcessorIdentity::token_key.
  [[nodiscard]] std::string public_key() const { return signer_ ? signer_->public_key() : std::string(); }

  /// For a change on the processor at the end of `path`, asked for by `subject`; as TokenSigner::issue().
  [[nodiscard]] Result<Token> issue(const fleet::NodePath& path, std::string subject, std::int64_t now_ns) const;

  /// Whether the token is good for a change on the processor at the end of `below`, here and now, where `above` is this
  /// processor's chain. It is used up then. Errors are those of TokenVerifier::verify().
  Status check(const Token& token, const Chain& above, const fleet::NodePath& below, std::int64_t now_ns);

 private:
  [[nodiscard]] TokenVerifier::Issuers issuers(const Chain& above) const;

  const std::string self_id_;
  const Result<TokenSigner> signer_;
  const std::shared_ptr<const IssuerKeys> certified_;  // null: without a CA, keys are announced
  TokenVerifier verifier_;
  Guarded<Chain> known_;  // the chain that the verifier goes by
};

}  // namespace lc::processor
