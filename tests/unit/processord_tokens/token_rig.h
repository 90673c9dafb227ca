// A tree of processors, root > mid > leaf, with certificates or announced keys, for the tests of tokens.
#pragma once

#include <catch2/catch.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "processord/tokens/signature.h"
#include "processord/tokens/token_signer.h"
#include "processord/tokens/token_verifier.h"
#include "tests/support/certificates.h"

namespace lc::processor::test {

using lc::test::Certified;
using lc::test::KeyKind;
using lc::test::Wanted;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kNowS = 1'900'000'000;  // far from the machine's own time, which must not matter
constexpr std::int64_t kNow = kNowS * kSecond;
constexpr std::int64_t kDayS = 86'400;
const std::vector<std::string> kChain = {"root", "mid", "leaf"};
const std::string kSansOfRoot = "DNS:root,URI:urn:lippycat:role:processor";

inline Wanted authority(const std::string& name) {
  return {.name = name,
          .key_usage = "critical,keyCertSign,cRLSign",
          .extended_key_usage = "",
          .constraints = "critical,CA:TRUE",
          .from_s = kNowS - kDayS,
          .until_s = kNowS + kDayS};
}

inline Wanted node(const std::string& sans = kSansOfRoot) {
  return {.name = "node", .sans = sans, .from_s = kNowS - kDayS, .until_s = kNowS + kDayS};
}

/// The CA that everybody believes.
inline const Certified& ca() {
  static const Certified made = lc::test::certify(authority("ca"), lc::test::key(KeyKind::kEcdsa, 1));
  return made;
}

inline Certified root_node(KeyKind kind = KeyKind::kEcdsa, const Wanted& wanted = node()) {
  return lc::test::certify(wanted, lc::test::key(kind), &ca());
}

inline TokenSigner signer_of(const Certified& certified) {
  Result<TokenSigner> signer = TokenSigner::with_certificates("root", certified.pem(), certified.key_pem());
  REQUIRE(signer);
  return std::move(*signer);
}

inline TokenSigner own_key_signer(const std::string& id = "root") {
  Result<TokenSigner> signer = TokenSigner::with_own_key(id);
  REQUIRE(signer);
  return std::move(*signer);
}

inline Token issued(const TokenSigner& signer, std::int64_t now_ns = kNow) {
  const Result<Token> token = signer.issue(kChain, "alice", now_ns);
  REQUIRE(token);
  return *token;
}

inline std::shared_ptr<const IssuerKeys> certified(std::optional<pki::Role> default_role = std::nullopt) {
  const auto keys = certified_keys(ca().pem(), default_role);
  REQUIRE(keys);
  return *keys;
}

inline std::shared_ptr<const IssuerKeys> announced(const std::vector<AnnouncedKey>& keys) {
  const auto made = announced_keys(keys);
  REQUIRE(made);
  return *made;
}

/// At the depth-th of root, mid, leaf.
inline TokenVerifier verifier_at(std::size_t depth, std::shared_ptr<const IssuerKeys> keys) {
  return TokenVerifier(
      {.line = {kChain.begin(), kChain.begin() + static_cast<std::ptrdiff_t>(depth) + 1}, .keys = std::move(keys)});
}

/// The token with a signature that fits what it says now.
inline Token signed_again(Token token, EVP_PKEY* key) {
  EVP_PKEY_up_ref(key);
  const Result<std::string> signature = sign(pki::Key(key), canonical_bytes(token));
  REQUIRE(signature);
  token.signature = *signature;
  return token;
}

inline std::string outcome(const Status& status) {
  return status ? "accepted" : status.error().text;
}

/// What the leaf says of a token in a tree with certificates.
inline Status verdict(const Token& token, std::int64_t now_ns = kNow) {
  return verifier_at(2, certified()).verify(token, "leaf", now_ns);
}

}  // namespace lc::processor::test
