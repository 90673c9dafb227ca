// Certificates are read and written anew: the file may hold the private key too.
#include "processord/tokens/token_signer.h"

#include <openssl/rand.h>

#include <array>
#include <utility>

#include "common/base/text.h"
#include "common/pki/identity.h"
#include "common/pki/pem.h"
#include "processord/tokens/signature.h"

namespace lc::processor {
namespace {

Error unusable(std::string why) {
  return {Code::kFailedPrecondition, "no authorization tokens with this certificate: " + std::move(why)};
}

// What hops would refuse. A certificate without a role is left to their default.
Status check_identity(const X509& certificate, const std::string& issuer_id) {
  const Result<pki::Identity> identity = pki::identity_of(certificate);
  if (!identity) return unusable(identity.error().text);
  if (!identity->may_use(issuer_id)) {
    return unusable("it needs the processor's id " + quoted(issuer_id) + " as a DNS name in its subjectAltName");
  }
  if (identity->role && identity->role != pki::Role::kProcessor) {
    return unusable("it has the role " + std::string(pki::name_of(*identity->role)) + ", not processor");
  }
  return {};
}

}  // namespace

TokenSigner::TokenSigner(std::string issuer_id, pki::Key key, std::string certificates, std::string public_key)
    : issuer_id_(std::move(issuer_id)),
      key_(std::move(key)),
      certificates_(std::move(certificates)),
      public_key_(std::move(public_key)) {}

Result<TokenSigner> TokenSigner::with_certificates(std::string issuer_id, std::string_view certificates_pem,
                                                   std::string_view key_pem) {
  const pki::ErrorScope errors;
  const std::vector<pki::Certificate> certificates = pki::read_certificates(certificates_pem);
  if (certificates.empty()) return unusable("it is not PEM");
  const X509& certificate = *certificates.front();
  pki::Key key = pki::read_private_key(key_pem);
  if (!key) return unusable("its key is not an unencrypted PEM private key");
  if (X509_check_private_key(&certificate, key.get()) != 1) return unusable("its key belongs to another one");
  if (algorithm_of(key).empty()) return unusable("its key is none of RSA, ECDSA and Ed25519");
  if (const Status status = check_identity(certificate, issuer_id); !status) return status.error();
  return TokenSigner(std::move(issuer_id), std::move(key), pki::write_certificates(certificates), {});
}

Result<TokenSigner> TokenSigner::with_own_key(std::string issuer_id) {
  const pki::ErrorScope errors;
  pki::Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  std::array<std::uint8_t, kTokenKeyBytes> bytes{};
  std::size_t size = bytes.size();
  if (!key || EVP_PKEY_get_raw_public_key(key.get(), bytes.data(), &size) != 1) {
    return Error{Code::kInternal, "cannot make a key for authorization tokens"};
  }
  return TokenSigner(std::move(issuer_id), std::move(key), {}, {bytes.begin(), bytes.end()});
}

Result<Token> TokenSigner::issue(std::vector<std::string> chain, std::string subject, std::int64_t now_ns) const {
  if (chain.empty() || chain.front() != issuer_id_) {
    return Error{Code::kInvalidArgument, "the chain to the target must begin with " + quoted(issuer_id_)};
  }
  for (const std::string& id : chain) {
    if (const Status status = check_id("processor id", id); !status) return status.error();
  }
  if (!is_utf8(subject)) return Error{Code::kInvalidArgument, "the subject must be UTF-8"};

  std::array<std::uint8_t, kTokenNonceBytes> nonce{};
  const pki::ErrorScope errors;
  if (RAND_bytes(nonce.data(), static_cast<int>(nonce.size())) != 1) {
    return Error{Code::kInternal, "no random numbers for an authorization token"};
  }
  Token token;
  token.issued_at_ns = now_ns;
  token.expires_at_ns = now_ns + std::chrono::nanoseconds(kTokenLifetime).count();
  token.target_processor_id = chain.back();
  token.issuer_id = issuer_id_;
  token.processor_chain = std::move(chain);
  token.issuer_certificates = certificates_;
  token.algorithm = algorithm_of(key_);
  token.subject = std::move(subject);
  token.nonce.assign(nonce.begin(), nonce.end());

  const std::string bytes = canonical_bytes(token);
  if (bytes.size() > kTokenBytes) return Error{Code::kInvalidArgument, "the authorization token would be too large"};
  Result<std::string> signature = sign(key_, bytes);
  if (!signature) return signature.error();
  token.signature = std::move(*signature);
  return token;
}

}  // namespace lc::processor
