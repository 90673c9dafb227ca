// Whether a signature is right is said by the program openssl.
#include "processord/tokens/token_signer.h"

#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <vector>

#include "common/pki/pem.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/capture/capture_judges.h"
#include "tests/unit/processord_tokens/token_rig.h"

using namespace lc;
using namespace lc::processor;
using namespace lc::processor::test;
using lc::capture::test::Outcome;
using lc::capture::test::read_file;
using lc::capture::test::run;
using lc::capture::test::write_file;
using lc::test::TempDir;

namespace {

struct Judged {
  const char* algorithm;
  KeyKind kind;
  std::string verify;  // commands; NAME.pub, NAME.key, bytes and signature are files
  std::string sign;
};

const std::string kPss = "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 ";

const std::vector<Judged> kJudged = {
    {"rsa-pss-sha256", KeyKind::kRsa, "openssl dgst -sha256 " + kPss + "-verify pub -signature signature bytes",
     "openssl dgst -sha256 " + kPss + "-sign key -out signature bytes"},
    {"ecdsa-sha256", KeyKind::kEcdsa, "openssl dgst -sha256 -verify pub -signature signature bytes",
     "openssl dgst -sha256 -sign key -out signature bytes"},
    {"ed25519", KeyKind::kEd25519, "openssl pkeyutl -verify -pubin -inkey pub -rawin -in bytes -sigfile signature",
     "openssl pkeyutl -sign -inkey key -rawin -in bytes -out signature"},
};

std::string refused(const std::string& id, const std::string& certificates, const std::string& key) {
  const Result<TokenSigner> signer = TokenSigner::with_certificates(id, certificates, key);
  if (signer) return "accepted";
  CHECK(signer.error().code == Code::kFailedPrecondition);
  return signer.error().text;
}

}  // namespace

TEST_CASE("openssl accepts each kind of signature over the canonical bytes, and nothing else", "[tokens]") {
  for (const Judged& judged : kJudged) {
    CAPTURE(judged.algorithm);
    const Certified root = root_node(judged.kind);
    const Token token = issued(signer_of(root));
    CHECK(token.algorithm == judged.algorithm);
    const TempDir folder;
    write_file(folder.file("pub"), lc::test::public_pem(root.key.get()));
    write_file(folder.file("bytes"), canonical_bytes(token));
    write_file(folder.file("signature"), token.signature);
    const std::string command = "cd " + folder.path().string() + " && " + judged.verify + " 2>&1";
    CHECK(run(command).status == 0);
    write_file(folder.file("bytes"), canonical_bytes(token) + " ");
    CHECK(run(command).status != 0);
  }
}

TEST_CASE("openssl accepts a signature with an own key, by the public key that is announced", "[tokens]") {
  const TokenSigner signer = own_key_signer();
  CHECK(signer.public_key().size() == 32);
  const Token token = issued(signer);
  CHECK(token.algorithm == "ed25519");
  CHECK(token.issuer_certificates.empty());
  const TempDir folder;
  // SubjectPublicKeyInfo of Ed25519 around the 32 bytes (RFC 8410, 4).
  write_file(folder.file("pub"), capture::test::unhex("302a300506032b6570032100") + signer.public_key());
  write_file(folder.file("bytes"), canonical_bytes(token));
  write_file(folder.file("signature"), token.signature);
  CHECK(run("cd " + folder.path().string() +
            " && openssl pkeyutl -verify -pubin -keyform DER -inkey pub -rawin -in bytes -sigfile signature 2>&1")
            .status == 0);
}

TEST_CASE("What openssl has signed is accepted", "[tokens]") {
  for (const Judged& judged : kJudged) {
    CAPTURE(judged.algorithm);
    const Certified root = root_node(judged.kind);
    Token token = issued(signer_of(root));
    const TempDir folder;
    write_file(folder.file("key"), root.key_pem());
    write_file(folder.file("bytes"), canonical_bytes(token));
    REQUIRE(run("cd " + folder.path().string() + " && " + judged.sign + " 2>&1").status == 0);
    token.signature = read_file(folder.file("signature"));
    CHECK(outcome(verdict(token)) == "accepted");
  }
}

TEST_CASE("Certificates of RSA-PSS and of other curves serve as well", "[tokens]") {
  const std::unique_ptr<EVP_PKEY_CTX, pki::Deleter<EVP_PKEY_CTX_free>> making(
      EVP_PKEY_CTX_new_from_name(nullptr, "RSA-PSS", nullptr));
  EVP_PKEY* made = nullptr;
  REQUIRE(EVP_PKEY_keygen_init(making.get()) == 1);
  REQUIRE(EVP_PKEY_generate(making.get(), &made) == 1);
  for (EVP_PKEY* const key : {made, EVP_EC_gen("P-384")}) {
    const Certified root = lc::test::certify(node(), {key, EVP_PKEY_free}, &ca());
    CHECK(outcome(verdict(issued(signer_of(root)))) == "accepted");
  }
}

TEST_CASE("A token says who may change what, on whose word, and for how long", "[tokens]") {
  const Certified root = root_node();
  const Token token = issued(signer_of(root));
  CHECK(token.issuer_id == "root");
  CHECK(token.target_processor_id == "leaf");
  CHECK(token.processor_chain == kChain);
  CHECK(token.subject == "alice");
  CHECK(token.issued_at_ns == kNow);
  CHECK(token.expires_at_ns == kNow + 300 * kSecond);
  CHECK(token.nonce.size() == 16);
  CHECK(token.issuer_certificates == root.pem());
}

TEST_CASE("No two tokens have the same nonce", "[tokens]") {
  const TokenSigner signer = own_key_signer();
  std::set<std::string> nonces;
  for (int i = 0; i < 1'000; ++i) nonces.insert(issued(signer).nonce);
  CHECK(nonces.size() == 1'000);
}

TEST_CASE("A key in the file of the certificate does not travel in the token", "[tokens]") {
  const Certified root = root_node();
  const auto signer = TokenSigner::with_certificates("root", "# mine\n" + root.key_pem() + root.pem(), root.key_pem());
  REQUIRE(signer);
  CHECK(issued(*signer).issuer_certificates == root.pem());
}

TEST_CASE("A certificate that no hop would accept is refused with the remedy", "[tokens]") {
  const Certified root = root_node();
  const std::string prefix = "no authorization tokens with this certificate: ";
  CHECK(refused("root", "", root.key_pem()) == prefix + "it is not PEM");
  CHECK(refused("root", root.pem(), "") == prefix + "its key is not an unencrypted PEM private key");
  CHECK(refused("root", root.pem(), lc::test::private_pem(root.key.get(), "secret")) ==
        prefix + "its key is not an unencrypted PEM private key");
  CHECK(refused("root", root.pem(), ca().key_pem()) == prefix + "its key belongs to another one");
  CHECK(refused("proc-a", root.pem(), root.key_pem()) ==
        prefix + "it needs the processor's id \"proc-a\" as a DNS name in its subjectAltName");
  const Certified hunter = root_node(KeyKind::kEcdsa, node("DNS:root,URI:urn:lippycat:role:hunter"));
  CHECK(refused("root", hunter.pem(), hunter.key_pem()) == prefix + "it has the role hunter, not processor");
  const Certified odd = root_node(KeyKind::kEcdsa, node("DNS:root,URI:urn:lippycat:role:boss"));
  CHECK(refused("root", odd.pem(), odd.key_pem()) ==
        prefix + "the certificate has the role \"boss\", which there is not");
  const Certified plain = root_node(KeyKind::kEcdsa, node("DNS:root"));  // the hops' default decides
  CHECK(refused("root", plain.pem(), plain.key_pem()) == "accepted");
  const std::shared_ptr<EVP_PKEY> other_kind(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED448"), EVP_PKEY_free);
  const Certified ed448 = lc::test::certify(node(), other_kind, &ca());
  CHECK(refused("root", ed448.pem(), ed448.key_pem()) == prefix + "its key is none of RSA, ECDSA and Ed25519");
}

TEST_CASE("Nothing is issued that could not be verified", "[tokens]") {
  const TokenSigner signer = own_key_signer();
  for (const std::vector<std::string>& chain : std::vector<std::vector<std::string>>{
           {}, {"mid", "leaf"}, {"root", ""}, {"root", "a/b"}, {"root", std::string(65, 'x')}}) {
    const Result<Token> token = signer.issue(chain, "alice", kNow);
    REQUIRE_FALSE(token);
    CHECK(token.error().code == Code::kInvalidArgument);
  }
  CHECK_FALSE(signer.issue(kChain, "\xff", kNow));
  CHECK_FALSE(signer.issue(kChain, std::string(65'536, 'x'), kNow));
  CHECK(signer.issue({"root"}, "", kNow));  // itself, for somebody without a certificate
}
