#include "processord/tokens/signature.h"

#include <openssl/rsa.h>

#include <cstdint>
#include <memory>

namespace lc::processor {
namespace {

using Context = std::unique_ptr<EVP_MD_CTX, pki::Deleter<EVP_MD_CTX_free>>;

bool is_rsa(const pki::Key& key) {
  const int kind = EVP_PKEY_get_base_id(key.get());
  return kind == EVP_PKEY_RSA || kind == EVP_PKEY_RSA_PSS;
}

// Ed25519 has its digest inside.
const EVP_MD* digest_for(const pki::Key& key) {
  return EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256();
}

const std::uint8_t* data(std::string_view bytes) {
  return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

// `init`: EVP_DigestSignInit or EVP_DigestVerifyInit.
template <typename Init>
bool begin(const Context& context, const pki::Key& key, Init init) {
  EVP_PKEY_CTX* parameters = nullptr;  // owned by the context
  return context && init(context.get(), &parameters, digest_for(key), nullptr, key.get()) == 1 &&
         (!is_rsa(key) || (EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1 &&
                           EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) == 1));
}

}  // namespace

std::string_view algorithm_of(const pki::Key& key) {
  if (is_rsa(key)) return "rsa-pss-sha256";
  switch (EVP_PKEY_get_base_id(key.get())) {
    case EVP_PKEY_EC:
      return "ecdsa-sha256";
    case EVP_PKEY_ED25519:
      return "ed25519";
    default:
      return {};
  }
}

Result<std::string> sign(const pki::Key& key, std::string_view bytes) {
  const pki::ErrorScope errors;
  const Context context(EVP_MD_CTX_new());
  std::size_t size = 0;
  std::string signature;
  if (begin(context, key, EVP_DigestSignInit) &&
      EVP_DigestSign(context.get(), nullptr, &size, data(bytes), bytes.size()) == 1) {
    signature.resize(size);
    if (EVP_DigestSign(context.get(), reinterpret_cast<std::uint8_t*>(signature.data()), &size, data(bytes),
                       bytes.size()) == 1) {
      signature.resize(size);  // ECDSA: less than was announced
      return signature;
    }
  }
  const char* const why = ERR_reason_error_string(ERR_peek_last_error());
  return Error{Code::kInternal, std::string("cannot sign: ") + (why != nullptr ? why : "OpenSSL does not say why")};
}

bool is_signed_with(const pki::Key& key, std::string_view bytes, std::string_view signature) {
  const pki::ErrorScope errors;
  const Context context(EVP_MD_CTX_new());
  return begin(context, key, EVP_DigestVerifyInit) &&
         EVP_DigestVerify(context.get(), data(signature), signature.size(), data(bytes), bytes.size()) == 1;
}

}  // namespace lc::processor
