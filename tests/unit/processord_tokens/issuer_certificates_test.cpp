// Whose certificates are believed. That those which are refused are bad for the reason given, and nothing else, is said
// by the program openssl where it has an opinion.
#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "common/pki/pem.h"
#include "processord/tokens/issuer_keys.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/capture/capture_judges.h"
#include "tests/unit/processord_tokens/token_rig.h"

using namespace lc;
using namespace lc::processor;
using namespace lc::processor::test;
using lc::capture::test::run;
using lc::capture::test::write_file;

namespace {

const std::string kInvalid = "authorization token invalid: ";
const std::string kCertificate = kInvalid + "certificate of its issuer: ";

/// A token that root's own signer would refuse to issue.
Token token_with(const Certified& issuer, const std::string& certificates) {
  Token token = issued(signer_of(root_node()));
  token.issuer_certificates = certificates;
  EVP_PKEY_up_ref(issuer.key.get());
  token.algorithm = algorithm_of(pki::Key(issuer.key.get()));
  return signed_again(std::move(token), issuer.key.get());
}
Token token_with(const Certified& issuer) {
  return token_with(issuer, issuer.pem());
}

/// Issued by root, with what deviates.
Certified deviating(void (*change)(Wanted&)) {
  Wanted wanted = node();
  change(wanted);
  return root_node(KeyKind::kEcdsa, wanted);
}

/// What openssl says of the same certificate at the same time.
bool judge_accepts(const std::string& ca_pem, const std::string& certificate, const std::string& others = {}) {
  const lc::test::TempDir folder;
  write_file(folder.file("ca"), ca_pem);
  write_file(folder.file("certificate"), certificate);
  write_file(folder.file("others"), others);
  return run("cd " + folder.path().string() + " && openssl verify -no-CApath -no-CAstore -CAfile ca -attime " +
             std::to_string(kNowS) + " -purpose sslserver -auth_level 2 " +
             (others.empty() ? "" : "-untrusted others ") + "certificate 2>&1")
             .status == 0;
}

/// The verdict, after openssl has been found to agree.
std::string of_certificate(const Certified& issuer) {
  const std::string said = outcome(verdict(token_with(issuer)));
  CAPTURE(said);
  CHECK(judge_accepts(ca().pem(), issuer.pem()) == (said == "accepted"));
  return said;
}

}  // namespace

TEST_CASE("A certificate of the CA is accepted, for any usage that allows signatures", "[tokens]") {
  CHECK(of_certificate(root_node()) == "accepted");
  CHECK(of_certificate(deviating([](Wanted& it) { it.key_usage = ""; })) == "accepted");
  CHECK(of_certificate(deviating([](Wanted& it) { it.extended_key_usage = ""; })) == "accepted");
  CHECK(of_certificate(deviating([](Wanted& it) { it.extended_key_usage = "serverAuth"; })) == "accepted");
}

TEST_CASE("A certificate is refused that its issuer's clients would refuse", "[tokens]") {
  const Certified other_ca = lc::test::certify(authority("ca"), lc::test::key(KeyKind::kEcdsa));  // of the same name
  CHECK(of_certificate(lc::test::certify(node(), lc::test::key(KeyKind::kEcdsa), &other_ca)) ==
        kCertificate + "certificate signature failure");
  const Certified stranger = lc::test::certify(authority("other-ca"), lc::test::key(KeyKind::kEcdsa));
  CHECK(of_certificate(lc::test::certify(node(), lc::test::key(KeyKind::kEcdsa), &stranger)) ==
        kCertificate + "unable to get local issuer certificate");
  CHECK(of_certificate(lc::test::certify(node(), lc::test::key(KeyKind::kEcdsa))) ==
        kCertificate + "self-signed certificate");
  CHECK(of_certificate(deviating([](Wanted& it) { it.until_s = kNowS - 1; })) ==
        kCertificate + "certificate has expired");
  CHECK(of_certificate(deviating([](Wanted& it) { it.from_s = kNowS + 1; })) ==
        kCertificate + "certificate is not yet valid");
  CHECK(of_certificate(deviating([](Wanted& it) { it.extended_key_usage = "clientAuth"; })) ==
        kCertificate + "unsuitable certificate purpose");
  const auto small = lc::test::make_key(KeyKind::kRsa, 1024);
  CHECK(of_certificate(lc::test::certify(node(), small, &ca())) == kCertificate + "EE certificate key too weak");
}

TEST_CASE("A key that is not made for signatures signs no tokens", "[tokens]") {
  const Certified issuer = root_node(KeyKind::kRsa, [] {
    Wanted wanted = node();
    wanted.key_usage = "critical,keyEncipherment";
    return wanted;
  }());
  CHECK(outcome(verdict(token_with(issuer))) == kCertificate + "not made for signatures");
}

TEST_CASE("Certificates in between travel in the token, and are needed", "[tokens]") {
  const Certified between = lc::test::certify(authority("between"), lc::test::key(KeyKind::kRsa), &ca());
  const Certified below = lc::test::certify(authority("below"), lc::test::key(KeyKind::kEd25519), &between);
  const Certified issuer = lc::test::certify(node(), lc::test::key(KeyKind::kEcdsa), &below);
  const std::string others = below.pem() + between.pem();

  const auto signer = TokenSigner::with_certificates("root", issuer.pem() + others, issuer.key_pem());
  REQUIRE(signer);
  CHECK(outcome(verdict(issued(*signer))) == "accepted");
  CHECK(judge_accepts(ca().pem(), issuer.pem(), others));
  CHECK(outcome(verdict(token_with(issuer, issuer.pem() + ca().pem() + between.pem() + below.pem()))) == "accepted");

  const std::string no_way = kCertificate + "unable to get local issuer certificate";
  CHECK(outcome(verdict(token_with(issuer, issuer.pem() + below.pem()))) == no_way);
  CHECK(outcome(verdict(token_with(issuer, issuer.pem() + between.pem()))) == no_way);
  CHECK_FALSE(judge_accepts(ca().pem(), issuer.pem(), below.pem()));
  // A CA that a peer brings along is no CA.
  const Certified stranger = lc::test::certify(authority("other-ca"), lc::test::key(KeyKind::kEcdsa));
  const Certified forged = lc::test::certify(node(), lc::test::key(KeyKind::kEcdsa, 1), &stranger);
  CHECK(outcome(verdict(token_with(forged, forged.pem() + stranger.pem()))) ==
        kCertificate + "self-signed certificate in certificate chain");
}

TEST_CASE("A node's certificate is no authority over others", "[tokens]") {
  const Certified hunter = root_node(KeyKind::kRsa, node("DNS:hunter-1,URI:urn:lippycat:role:hunter"));
  const Certified forged = lc::test::certify(node(), lc::test::key(KeyKind::kEcdsa), &hunter);
  const Status status = verdict(token_with(forged, forged.pem() + hunter.pem()));
  CHECK(outcome(status).starts_with(kCertificate + "invalid CA certificate"));
  CHECK_FALSE(judge_accepts(ca().pem(), forged.pem(), hunter.pem()));
}

TEST_CASE("The certificate must belong to who says that it is the issuer", "[tokens]") {
  const Certified mid = root_node(KeyKind::kEcdsa, node("DNS:mid,URI:urn:lippycat:role:processor"));
  CHECK(outcome(verdict(token_with(mid))) == kInvalid + "the certificate does not belong to its issuer \"root\"");
  // Neither the common name nor one of the other certificates stands in for it.
  Wanted named = node("DNS:mid,URI:urn:lippycat:role:processor");
  named.name = "root";
  const Certified common_name = root_node(KeyKind::kEcdsa, named);
  CHECK_FALSE(verdict(token_with(common_name, common_name.pem() + root_node(KeyKind::kRsa).pem())));
}

TEST_CASE("A token of a certificate without the role of a processor is not permitted", "[tokens]") {
  for (const char* role : {"hunter", "operator", "viewer", "admin"}) {
    CAPTURE(role);
    const Certified issuer = root_node(KeyKind::kEcdsa, node("DNS:root,URI:urn:lippycat:role:" + std::string(role)));
    for (const auto& keys : {certified(), certified(pki::Role::kProcessor)}) {
      const Status status = verifier_at(2, keys).verify(token_with(issuer), "leaf", kNow);
      REQUIRE_FALSE(status);
      CHECK(status.error().code == Code::kPermissionDenied);
      CHECK(status.error().text ==
            "issuer \"root\" of the authorization token has the role " + std::string(role) + ", not processor");
    }
  }
  const Certified odd = root_node(KeyKind::kEcdsa, node("DNS:root,URI:urn:lippycat:role:boss"));
  CHECK(verdict(token_with(odd)).error().code == Code::kPermissionDenied);
}

TEST_CASE("A certificate without a role has the default one", "[tokens]") {
  const Token token = token_with(root_node(KeyKind::kEcdsa, node("DNS:root")));
  const Status none = verdict(token);
  REQUIRE_FALSE(none);
  CHECK(none.error().code == Code::kPermissionDenied);
  CHECK(none.error().text == "issuer \"root\" of the authorization token has no role, not processor");
  CHECK(verifier_at(2, certified(pki::Role::kProcessor)).verify(token, "leaf", kNow));
  CHECK_FALSE(verifier_at(2, certified(pki::Role::kAdmin)).verify(token, "leaf", kNow));
}

TEST_CASE("Certificates that are cut off or no certificates are refused, wherever they end", "[tokens]") {
  const Certified root = root_node();
  const std::string pem = root.pem();
  for (std::size_t size = 1; size + 1 < pem.size(); size += 5) {
    CAPTURE(size);
    CHECK(outcome(verdict(token_with(root, pem.substr(0, size)))) ==
          kInvalid + "the issuer's certificates are not PEM");
  }
  CHECK(outcome(verdict(token_with(root, pem + pem.substr(0, 200)))) ==
        kInvalid + "the issuer's certificates are not PEM");
  CHECK_FALSE(verdict(token_with(root, std::string(4'096, '\0'))));
  CHECK_FALSE(verdict(token_with(root, root.key_pem())));
}

TEST_CASE("With TLS a token without certificates is refused, and without TLS one with them", "[tokens]") {
  const TokenSigner own = own_key_signer();
  CHECK(outcome(verdict(issued(own))) ==
        kInvalid + "it comes without the issuer's certificate, which there must be where there is TLS");
  const auto keys = announced({{"root", own.public_key()}});
  CHECK(outcome(verifier_at(2, keys).verify(issued(signer_of(root_node())), "leaf", kNow)) ==
        kInvalid + "it comes with a certificate, but this processor has no CA to check it with");
}

TEST_CASE("A file of several CAs is believed whole, and one without any is refused", "[tokens]") {
  const Certified stranger = lc::test::certify(authority("other-ca"), lc::test::key(KeyKind::kEcdsa));
  const auto both = certified_keys(stranger.pem() + ca().pem(), std::nullopt);
  REQUIRE(both);
  CHECK(verifier_at(2, *both).verify(token_with(root_node()), "leaf", kNow));
  CHECK_FALSE(certified_keys("", std::nullopt));
  CHECK_FALSE(certified_keys(ca().pem() + ca().pem().substr(0, 300), std::nullopt));
}

TEST_CASE("An announced key is one of Ed25519, and one for each processor", "[tokens]") {
  const std::string key = own_key_signer().public_key();
  CHECK(announced_keys({{"root", key}, {"mid", key}}));
  for (const std::vector<AnnouncedKey>& wrong : {std::vector<AnnouncedKey>{{"root", key}, {"root", key}},
                                                 {{"root", ""}},
                                                 {{"root", key.substr(1)}},
                                                 {{"root", key + "x"}}}) {
    const auto keys = announced_keys(wrong);
    REQUIRE_FALSE(keys);
    CHECK(keys.error().code == Code::kInvalidArgument);
  }
}
