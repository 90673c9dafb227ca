// Keys and certificates for tests, made by OpenSSL. Nothing of ours is in them.
#pragma once

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "common/pki/openssl.h"

namespace lc::test {

enum class KeyKind { kRsa, kEcdsa, kEd25519 };

inline std::shared_ptr<EVP_PKEY> make_key(KeyKind kind, unsigned rsa_bits = 2048) {
  EVP_PKEY* const key = kind == KeyKind::kRsa     ? EVP_RSA_gen(rsa_bits)
                        : kind == KeyKind::kEcdsa ? EVP_EC_gen("P-256")
                                                  : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  REQUIRE(key != nullptr);
  return {key, EVP_PKEY_free};
}

/// Made once for all tests, because RSA takes its time. `which` is 0 or 1: two keys of each kind.
inline std::shared_ptr<EVP_PKEY> key(KeyKind kind, std::size_t which = 0) {
  static std::array<std::array<std::shared_ptr<EVP_PKEY>, 2>, 3> keys;
  auto& found = keys.at(static_cast<std::size_t>(kind)).at(which);
  if (!found) found = make_key(kind);
  return found;
}

inline std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

inline std::string private_pem(EVP_PKEY* key, const char* pass_phrase = nullptr) {
  const pki::Bio bio(BIO_new(BIO_s_mem()));
  const EVP_CIPHER* const cipher = pass_phrase != nullptr ? EVP_aes_128_cbc() : nullptr;
  REQUIRE(PEM_write_bio_PrivateKey(bio.get(), key, cipher, nullptr, 0, nullptr, const_cast<char*>(pass_phrase)) == 1);
  return text_of(bio.get());
}

inline std::string public_pem(EVP_PKEY* key) {
  const pki::Bio bio(BIO_new(BIO_s_mem()));
  REQUIRE(PEM_write_bio_PUBKEY(bio.get(), key) == 1);
  return text_of(bio.get());
}

inline std::string pem_of(X509* certificate) {
  const pki::Bio bio(BIO_new(BIO_s_mem()));
  REQUIRE(PEM_write_bio_X509(bio.get(), certificate) == 1);
  return text_of(bio.get());
}

/// What a certificate shall say; extensions as in x509v3_config(5), left out where empty.
struct Wanted {
  std::string name = "test";  // common name
  std::string sans = {};
  std::string key_usage = "critical,digitalSignature";
  std::string extended_key_usage = "serverAuth,clientAuth";
  std::string constraints = "critical,CA:FALSE";
  std::int64_t from_s = 0;  // since 1970
  std::int64_t until_s = 0;
};

struct Certified {
  std::shared_ptr<X509> certificate;
  std::shared_ptr<EVP_PKEY> key;

  [[nodiscard]] std::string pem() const { return pem_of(certificate.get()); }
  [[nodiscard]] std::string key_pem() const { return private_pem(key.get()); }
};

/// Signed by `issuer`, or by itself without one.
inline Certified certify(const Wanted& wanted, std::shared_ptr<EVP_PKEY> key, const Certified* issuer = nullptr) {
  const std::shared_ptr<X509> certificate(X509_new(), X509_free);
  X509* const it = certificate.get();
  X509_set_version(it, X509_VERSION_3);
  std::uint32_t serial = 0;
  REQUIRE(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(it), serial);
  ASN1_TIME_set(X509_getm_notBefore(it), wanted.from_s);
  ASN1_TIME_set(X509_getm_notAfter(it), wanted.until_s);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(it), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(wanted.name.c_str()), -1, -1, 0);
  X509* const above = issuer != nullptr ? issuer->certificate.get() : it;
  X509_set_issuer_name(it, X509_get_subject_name(above));
  X509_set_pubkey(it, key.get());
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, above, it, nullptr, nullptr, 0);
  const auto extend = [&](int kind, const std::string& value) {
    if (value.empty()) return;
    const std::unique_ptr<X509_EXTENSION, pki::Deleter<X509_EXTENSION_free>> extension(
        X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
    REQUIRE(extension);
    REQUIRE(X509_add_ext(it, extension.get(), -1) == 1);
  };
  extend(NID_subject_alt_name, wanted.sans);
  extend(NID_basic_constraints, wanted.constraints);
  extend(NID_key_usage, wanted.key_usage);
  extend(NID_ext_key_usage, wanted.extended_key_usage);
  EVP_PKEY* const signing = issuer != nullptr ? issuer->key.get() : key.get();
  const bool has_digest = EVP_PKEY_get_base_id(signing) == EVP_PKEY_ED25519;
  REQUIRE(X509_sign(it, signing, has_digest ? nullptr : EVP_sha256()) > 0);
  return {certificate, std::move(key)};
}

}  // namespace lc::test
