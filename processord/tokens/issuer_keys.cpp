#include "processord/tokens/issuer_keys.h"

#include <openssl/x509v3.h>

#include <map>
#include <utility>

#include "common/base/text.h"
#include "common/pki/pem.h"

namespace lc::processor {
namespace {

constexpr int kSecurityLevel = 2;  // 112 bits, as TLS has it on Debian: RSA of 2048 bits, no SHA-1

using Store = std::unique_ptr<X509_STORE, pki::Deleter<X509_STORE_free>>;
using StoreContext = std::unique_ptr<X509_STORE_CTX, pki::Deleter<X509_STORE_CTX_free>>;

// The certificates stay with whom they are of.
struct StackDeleter {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
};
using Stack = std::unique_ptr<STACK_OF(X509), StackDeleter>;

class CertifiedKeys final : public IssuerKeys {
 public:
  CertifiedKeys(Store store, std::optional<pki::Role> default_role)
      : store_(std::move(store)), default_role_(default_role) {}

  Result<pki::Key> key_of(const Token& token, std::int64_t now_ns) const override {
    if (token.issuer_certificates.empty()) {
      return invalid_token("it comes without the issuer's certificate, which there must be where there is TLS");
    }
    const pki::ErrorScope errors;
    const std::vector<pki::Certificate> certificates = pki::read_certificates(token.issuer_certificates);
    if (certificates.empty()) return invalid_token("the issuer's certificates are not PEM");
    X509& issuer = *certificates.front();
    if (const char* const fault = fault_of(certificates, now_ns)) {
      return invalid_token("certificate of its issuer: " + std::string(fault));
    }
    const Result<pki::Identity> identity = pki::identity_of(issuer);
    if (!identity) return identity.error();
    if (!identity->may_use(token.issuer_id)) {
      return invalid_token("the certificate does not belong to its issuer " + quoted(token.issuer_id));
    }
    const std::optional<pki::Role> role = identity->role ? identity->role : default_role_;
    if (role != pki::Role::kProcessor) {
      return Error{Code::kPermissionDenied, "issuer " + quoted(token.issuer_id) + " of the authorization token has " +
                                                (role ? "the role " + std::string(pki::name_of(*role)) : "no role") +
                                                ", not processor"};
    }
    pki::Key key(X509_get_pubkey(&issuer));
    if (!key) return invalid_token("the key of its issuer's certificate can't be read");
    return key;
  }

 private:
  // Null when the first certificate is good at that time.
  const char* fault_of(const std::vector<pki::Certificate>& certificates, std::int64_t now_ns) const {
    // Only then may the key sign anything but key exchanges and certificates (RFC 5280, 4.2.1.3).
    if ((X509_get_key_usage(certificates.front().get()) & KU_DIGITAL_SIGNATURE) == 0) return "not made for signatures";
    const Stack others(sk_X509_new_null());
    for (std::size_t i = 1; i < certificates.size(); ++i) sk_X509_push(others.get(), certificates[i].get());
    const StoreContext context(X509_STORE_CTX_new());
    if (!context || X509_STORE_CTX_init(context.get(), store_.get(), certificates.front().get(), others.get()) != 1 ||
        X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_SSL_SERVER) != 1) {
      return "can't be checked";
    }
    X509_VERIFY_PARAM* const parameters = X509_STORE_CTX_get0_param(context.get());
    X509_VERIFY_PARAM_set_time(parameters, now_ns / 1'000'000'000);
    X509_VERIFY_PARAM_set_auth_level(parameters, kSecurityLevel);
    if (X509_verify_cert(context.get()) == 1) return nullptr;
    return X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
  }

  const Store store_;
  const std::optional<pki::Role> default_role_;
};

class AnnouncedKeys final : public IssuerKeys {
 public:
  explicit AnnouncedKeys(std::map<std::string, pki::Key> keys) : keys_(std::move(keys)) {}

  Result<pki::Key> key_of(const Token& token, std::int64_t /*now_ns*/) const override {
    if (!token.issuer_certificates.empty()) {
      return invalid_token("it comes with a certificate, but this processor has no CA to check it with");
    }
    const auto found = keys_.find(token.issuer_id);
    if (found == keys_.end()) return invalid_token("no key is known of its issuer " + quoted(token.issuer_id));
    EVP_PKEY_up_ref(found->second.get());
    return pki::Key(found->second.get());
  }

 private:
  const std::map<std::string, pki::Key> keys_;
};

}  // namespace

Result<std::shared_ptr<const IssuerKeys>> certified_keys(std::string_view ca_pem,
                                                         std::optional<pki::Role> default_role) {
  const pki::ErrorScope errors;
  const std::vector<pki::Certificate> authorities = pki::read_certificates(ca_pem);
  Store store(X509_STORE_new());
  bool added = store && !authorities.empty();
  for (const pki::Certificate& authority : authorities) {
    added = added && X509_STORE_add_cert(store.get(), authority.get()) == 1;
  }
  if (!added) return Error{Code::kInvalidArgument, "TLS CA: no PEM certificates"};
  return std::shared_ptr<const IssuerKeys>(std::make_shared<CertifiedKeys>(std::move(store), default_role));
}

Result<std::shared_ptr<const IssuerKeys>> announced_keys(const std::vector<AnnouncedKey>& keys) {
  const pki::ErrorScope errors;
  std::map<std::string, pki::Key> by_id;
  for (const auto& [id, public_key] : keys) {
    pki::Key key(EVP_PKEY_new_raw_public_key(
        EVP_PKEY_ED25519, nullptr, reinterpret_cast<const std::uint8_t*>(public_key.data()), public_key.size()));
    if (!key) return Error{Code::kInvalidArgument, "the key announced for " + quoted(id) + " is none of Ed25519"};
    if (!by_id.emplace(id, std::move(key)).second) {
      return Error{Code::kInvalidArgument, "two keys are announced for " + quoted(id)};
    }
  }
  return std::shared_ptr<const IssuerKeys>(std::make_shared<AnnouncedKeys>(std::move(by_id)));
}

}  // namespace lc::processor
