#include "processord/tokens/token_verifier.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/processord_tokens/token_rig.h"

using namespace lc;
using namespace lc::processor;
using namespace lc::processor::test;

namespace {

const std::string kInvalid = "authorization token invalid: ";

/// A tree with certificates, whose root can sign what no signer would.
struct Tree {
  Certified root = root_node();
  Token token = issued(signer_of(root));

  template <typename Change>
  [[nodiscard]] Token with(Change change) const {
    Token changed = token;
    change(changed);
    return signed_again(std::move(changed), root.key.get());
  }
};

/// Every text of a token.
std::vector<std::string*> texts_of(Token& token) {
  std::vector<std::string*> texts = {
      &token.signature, &token.target_processor_id, &token.issuer_id, &token.algorithm, &token.subject, &token.nonce};
  for (std::string& id : token.processor_chain) texts.push_back(&id);
  return texts;
}

void check_refused(TokenVerifier& verifier, const Token& changed) {
  const Status status = verifier.verify(changed, "leaf", kNow);
  REQUIRE_FALSE(status);
  REQUIRE(status.error().code == Code::kUnauthenticated);
  REQUIRE(status.error().text.starts_with(kInvalid));
}

void check_bits(TokenVerifier& verifier, const Token& token) {
  Token changed = token;
  const auto flip_and_check = [&](std::string& text, std::size_t bit) {
    const char before = text[bit / 8];
    text[bit / 8] = static_cast<char>(before ^ (1 << bit % 8));
    check_refused(verifier, changed);
    text[bit / 8] = before;
  };
  for (std::string* const text : texts_of(changed)) {
    for (std::size_t bit = 0; bit < text->size() * 8; ++bit) flip_and_check(*text, bit);
  }
  // One bit of each byte is enough of the longest.
  for (std::size_t at = 0; at < changed.issuer_certificates.size(); ++at) {
    flip_and_check(changed.issuer_certificates, at * 8 + at % 8);
  }
  for (std::int64_t* const time : {&changed.issued_at_ns, &changed.expires_at_ns}) {
    for (int bit = 0; bit < 64; ++bit) {
      const std::int64_t before = *time;
      *time = static_cast<std::int64_t>(static_cast<std::uint64_t>(before) ^ (std::uint64_t{1} << bit));
      check_refused(verifier, changed);
      *time = before;
    }
  }
  changed.processor_chain.insert(changed.processor_chain.end() - 1, "other");
  check_refused(verifier, changed);
  changed = token;
  changed.signature.clear();
  check_refused(verifier, changed);
  // Nothing of all this has spent it.
  CHECK(outcome(verifier.verify(token, "leaf", kNow)) == "accepted");
}

}  // namespace

TEST_CASE("A token is accepted by each processor on its way, whatever the kind of key", "[tokens]") {
  for (const KeyKind kind : {KeyKind::kRsa, KeyKind::kEcdsa, KeyKind::kEd25519}) {
    const Token token = issued(signer_of(root_node(kind)));
    for (std::size_t depth = 0; depth < 3; ++depth) {
      CHECK(outcome(verifier_at(depth, certified()).verify(token, "leaf", kNow)) == "accepted");
    }
  }
  const TokenSigner signer = own_key_signer();
  const auto keys = announced({{"root", signer.public_key()}});
  const Token token = issued(signer);
  for (std::size_t depth = 0; depth < 3; ++depth) {
    CHECK(outcome(verifier_at(depth, keys).verify(token, "leaf", kNow)) == "accepted");
  }
}

TEST_CASE("Any single bit that is changed makes a token worthless, and spends nothing", "[tokens]") {
  for (const KeyKind kind : {KeyKind::kRsa, KeyKind::kEcdsa, KeyKind::kEd25519}) {
    CAPTURE(static_cast<int>(kind));
    TokenVerifier verifier = verifier_at(2, certified());
    check_bits(verifier, issued(signer_of(root_node(kind))));
  }
  const TokenSigner signer = own_key_signer();
  TokenVerifier verifier = verifier_at(2, announced({{"root", signer.public_key()}}));
  check_bits(verifier, issued(signer));
}

TEST_CASE("A token asked for one processor is not good for another", "[tokens]") {
  const Tree tree;
  const std::string other = kInvalid + "it was issued for another processor";
  for (const char* target : {"mid", "root", "", "Leaf", "leaf2"}) {
    CHECK(outcome(verifier_at(2, certified()).verify(tree.token, target, kNow)) == other);
  }
  CHECK(outcome(verdict(tree.with([](Token& it) { it.target_processor_id = "mid"; }))) == other);
  CHECK(outcome(verdict(tree.with([](Token& it) { it.processor_chain.back() = "mid"; }))) ==
        kInvalid + "its chain does not lead through this processor");
  CHECK(outcome(verifier_at(1, certified())
                    .verify(tree.with([](Token& it) { it.processor_chain.back() = "x"; }), "leaf", kNow)) ==
        kInvalid + "its chain does not lead to its target");
}

TEST_CASE("A token is good on its own way only", "[tokens]") {
  const Tree tree;
  const auto of_line = [&](std::vector<std::string> line, const Token& token) {
    return outcome(TokenVerifier({.line = std::move(line), .keys = certified()}).verify(token, "leaf", kNow));
  };
  const std::string elsewhere = kInvalid + "its chain does not lead through this processor";
  CHECK(of_line({"root", "mid", "leaf"}, tree.token) == "accepted");
  CHECK(of_line({"top", "root", "mid", "leaf"}, tree.token) == "accepted");  // the issuer is not the root of all
  CHECK(of_line({"root", "leaf"}, tree.token) == elsewhere);
  CHECK(of_line({"root", "other", "leaf"}, tree.token) == elsewhere);
  CHECK(of_line({"root", "mid", "between", "leaf"}, tree.token) == elsewhere);
  CHECK(of_line({"root", "other"}, tree.token) == elsewhere);
  CHECK(of_line({"root", "mid", "leaf"}, tree.with([](Token& it) { it.processor_chain.clear(); })) == elsewhere);
  CHECK(of_line({"root", "mid", "leaf"}, tree.with([](Token& it) { it.processor_chain = {"leaf"}; })) == elsewhere);

  // With certificates any processor can sign; only those above may command.
  const std::string not_above = kInvalid + "its issuer is neither this processor nor one above it";
  CHECK(of_line({"top", "mid", "leaf"}, tree.token) == not_above);
  CHECK(of_line({"leaf"}, tree.token) == not_above);
  CHECK(of_line({}, tree.token) == not_above);
}

TEST_CASE("A token is good for five minutes, with a minute for the difference between clocks", "[tokens]") {
  const Tree tree;
  CHECK(outcome(verdict(tree.token, kNow - 60 * kSecond)) == "accepted");
  CHECK(outcome(verdict(tree.token, kNow - 60 * kSecond - 1)) ==
        kInvalid + "it was issued in the future; check the clocks");
  CHECK(outcome(verdict(tree.token, kNow + 360 * kSecond)) == "accepted");
  const Status expired = verdict(tree.token, kNow + 360 * kSecond + 1);
  REQUIRE_FALSE(expired);
  CHECK(expired.error().code == Code::kUnauthenticated);
  CHECK(expired.error().text == "token expired");
}

TEST_CASE("A lifetime that is too long, or none, is refused, with any numbers", "[tokens]") {
  const Tree tree;
  const auto between = [&](std::int64_t issued_at, std::int64_t expires_at) {
    return outcome(verdict(tree.with([&](Token& it) {
      it.issued_at_ns = issued_at;
      it.expires_at_ns = expires_at;
    })));
  };
  constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  const std::string lifetime = kInvalid + "it is not valid for up to 5 minutes";
  CHECK(between(kNow, kNow + 300 * kSecond + 1) == lifetime);
  CHECK(between(kNow, kNow) == lifetime);
  CHECK(between(kNow, kNow - 1) == lifetime);
  CHECK(between(kNow, kMost) == lifetime);
  CHECK(between(kLeast, kMost) == lifetime);
  CHECK(between(kMost, kLeast) == lifetime);
  CHECK(between(kNow, kLeast) == lifetime);
  CHECK(between(kNow, kNow + 1) == "accepted");
  CHECK(between(kMost - 1, kMost) == kInvalid + "it was issued in the future; check the clocks");
  CHECK(between(kLeast, kLeast + 1) == "token expired");
  CHECK(between(0, 0) == lifetime);
}

TEST_CASE("Only the issuer can make a token look expired", "[tokens]") {
  const Tree tree;
  Token forged = tree.token;
  forged.issued_at_ns = 1;
  forged.expires_at_ns = 2;
  CHECK(outcome(verdict(forged)) == kInvalid + "its signature is wrong");
}

TEST_CASE("The algorithm is that of the key, and no other is taken", "[tokens]") {
  const std::string wrong = kInvalid + "its algorithm is not that of its issuer's key";
  for (const KeyKind kind : {KeyKind::kRsa, KeyKind::kEcdsa, KeyKind::kEd25519}) {
    const Certified root = root_node(kind);
    const Token good = issued(signer_of(root));
    for (const char* algorithm : {"rsa-pss-sha256", "ecdsa-sha256", "ed25519", "none", "", "RSA-PSS-SHA256", "rsa"}) {
      CAPTURE(good.algorithm, algorithm);
      Token token = good;
      token.algorithm = algorithm;
      CHECK(outcome(verdict(signed_again(token, root.key.get()))) ==
            (good.algorithm == algorithm ? "accepted" : wrong));
    }
  }
}

TEST_CASE("Other signatures with the right key are refused", "[tokens]") {
  const Certified root = root_node(KeyKind::kRsa);
  Token token = issued(signer_of(root));
  const std::string bytes = canonical_bytes(token);
  const auto signed_as = [&](int padding, int salt, const EVP_MD* digest) {
    const std::unique_ptr<EVP_MD_CTX, pki::Deleter<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* parameters = nullptr;
    REQUIRE(EVP_DigestSignInit(context.get(), &parameters, digest, nullptr, root.key.get()) == 1);
    REQUIRE(EVP_PKEY_CTX_set_rsa_padding(parameters, padding) == 1);
    if (padding == RSA_PKCS1_PSS_PADDING) REQUIRE(EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, salt) == 1);
    std::string signature(256, '\0');
    std::size_t size = signature.size();
    REQUIRE(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                           reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()) == 1);
    token.signature = signature;
    return outcome(verdict(token));
  };
  const std::string wrong = kInvalid + "its signature is wrong";
  CHECK(signed_as(RSA_PKCS1_PSS_PADDING, 32, EVP_sha256()) == "accepted");
  CHECK(signed_as(RSA_PKCS1_PSS_PADDING, 0, EVP_sha256()) == wrong);
  CHECK(signed_as(RSA_PKCS1_PSS_PADDING, 20, EVP_sha1()) == wrong);
  CHECK(signed_as(RSA_PKCS1_PADDING, 0, EVP_sha256()) == wrong);
}

TEST_CASE("A token is verified with its issuer's key and with no other", "[tokens]") {
  const TokenSigner root = own_key_signer("root");
  const TokenSigner leaf = own_key_signer("leaf");
  const std::string wrong = kInvalid + "its signature is wrong";
  TokenVerifier verifier = verifier_at(2, announced({{"root", root.public_key()}, {"leaf", leaf.public_key()}}));

  const auto own = leaf.issue({"leaf"}, "alice", kNow);
  REQUIRE(own);
  CHECK(outcome(verifier.verify(*own, "leaf", kNow)) == "accepted");
  // In root's name, but with the key of who verifies it.
  CHECK(outcome(verifier.verify(issued(own_key_signer()), "leaf", kNow)) == wrong);
  Token forged = issued(root);
  forged.signature = own->signature;
  CHECK(outcome(verifier.verify(forged, "leaf", kNow)) == wrong);
  // From above, but in the name of who verifies it.
  Token in_our_name = *own;
  in_our_name.nonce = std::string(16, 'n');
  in_our_name.signature = issued(root).signature;
  CHECK(outcome(verifier.verify(in_our_name, "leaf", kNow)) == wrong);

  TokenVerifier without = verifier_at(2, announced({{"leaf", leaf.public_key()}}));
  CHECK(outcome(without.verify(issued(root), "leaf", kNow)) == kInvalid + "no key is known of its issuer \"root\"");
  // A key that is known of who is not above.
  TokenVerifier moved({.line = {"other", "leaf"}, .keys = announced({{"root", root.public_key()}})});
  CHECK(outcome(moved.verify(issued(root), "leaf", kNow)) ==
        kInvalid + "its issuer is neither this processor nor one above it");

  // With certificates: one that is good, with the signature of another's key.
  const Tree tree;
  CHECK(outcome(verdict(signed_again(tree.token, lc::test::key(KeyKind::kEcdsa, 1).get()))) == wrong);
}

TEST_CASE("A token is accepted once by each processor", "[tokens]") {
  const Tree tree;
  const std::string used = kInvalid + "it was used before";
  TokenVerifier mid = verifier_at(1, certified());
  TokenVerifier leaf = verifier_at(2, certified());
  CHECK(mid.verify(tree.token, "leaf", kNow));
  CHECK(leaf.verify(tree.token, "leaf", kNow));
  CHECK(outcome(mid.verify(tree.token, "leaf", kNow)) == used);
  CHECK(outcome(leaf.verify(tree.token, "leaf", kNow + 360 * kSecond)) == used);
  CHECK(outcome(leaf.verify(tree.token, "leaf", kNow + 360 * kSecond + 1)) == "token expired");
  // An ECDSA signature can be made again; the nonce is what counts.
  CHECK(outcome(leaf.verify(signed_again(tree.token, tree.root.key.get()), "leaf", kNow)) == used);
  CHECK(outcome(leaf.verify(tree.with([](Token& it) { it.expires_at_ns -= 1; }), "leaf", kNow)) == used);
  CHECK(leaf.verify(tree.with([](Token& it) { it.nonce[0] = static_cast<char>(it.nonce[0] + 1); }), "leaf", kNow));
}

TEST_CASE("Two issuers may use the same nonce", "[tokens]") {
  const TokenSigner root = own_key_signer("root");
  const std::shared_ptr<EVP_PKEY> mid_key = lc::test::key(KeyKind::kEd25519);
  std::string mid_public(32, '\0');
  std::size_t size = mid_public.size();
  REQUIRE(EVP_PKEY_get_raw_public_key(mid_key.get(), reinterpret_cast<unsigned char*>(mid_public.data()), &size) == 1);
  TokenVerifier leaf = verifier_at(2, announced({{"root", root.public_key()}, {"mid", mid_public}}));
  const Token token = issued(root);
  Token other = token;
  other.issuer_id = "mid";
  other.processor_chain = {"mid", "leaf"};
  CHECK(leaf.verify(token, "leaf", kNow));
  CHECK(leaf.verify(signed_again(other, mid_key.get()), "leaf", kNow));
}

TEST_CASE("A nonce that is missing, short or longer than any is refused", "[tokens]") {
  const Tree tree;
  for (const unsigned size : {0U, 1U, 15U, 16U, 64U, 65U, 4096U}) {
    CAPTURE(size);
    const std::string said = outcome(verdict(tree.with([&](Token& it) { it.nonce = std::string(size, '\0'); })));
    CHECK(said == (size >= 16 && size <= 64 ? "accepted" : kInvalid + "its nonce has not 16 to 64 bytes"));
  }
}

TEST_CASE("More tokens than can be remembered are refused until the first have ended", "[tokens]") {
  const TokenSigner root = own_key_signer();
  TokenVerifier leaf({.line = kChain, .keys = announced({{"root", root.public_key()}})}, 3);
  const Token first = issued(root);
  CHECK(leaf.verify(first, "leaf", kNow));
  CHECK(leaf.verify(issued(root, kNow + kSecond), "leaf", kNow + kSecond));
  CHECK(leaf.verify(issued(root, kNow + kSecond), "leaf", kNow + kSecond));
  const Token fourth = issued(root, kNow + 100 * kSecond);
  const Status full = leaf.verify(fourth, "leaf", kNow + 360 * kSecond);
  REQUIRE_FALSE(full);
  CHECK(full.error().code == Code::kResourceExhausted);
  CHECK(outcome(leaf.verify(first, "leaf", kNow + 360 * kSecond)) == kInvalid + "it was used before");
  CHECK(outcome(leaf.verify(fourth, "leaf", kNow + 360 * kSecond + 1)) == "accepted");
  // Bad ones take no room.
  Token bad = fourth;
  bad.signature[0] = static_cast<char>(bad.signature[0] ^ 1);
  TokenVerifier other({.line = kChain, .keys = announced({{"root", root.public_key()}})}, 1);
  for (int i = 0; i < 10; ++i) CHECK_FALSE(other.verify(bad, "leaf", kNow + 100 * kSecond));
  CHECK(other.verify(fourth, "leaf", kNow + 100 * kSecond));
}

TEST_CASE("What was used stays known when keys and the line above change", "[tokens]") {
  const TokenSigner root = own_key_signer();
  TokenVerifier leaf({.line = {"leaf"}, .keys = announced({})});
  const Token token = issued(root);
  CHECK_FALSE(leaf.verify(token, "leaf", kNow));
  leaf.set_issuers({.line = kChain, .keys = announced({{"root", root.public_key()}})});
  CHECK(leaf.verify(token, "leaf", kNow));
  leaf.set_issuers({.line = {"top", "root", "mid", "leaf"}, .keys = announced({{"root", root.public_key()}})});
  CHECK(outcome(leaf.verify(token, "leaf", kNow)) == kInvalid + "it was used before");
  leaf.set_issuers({.line = kChain, .keys = announced({{"root", own_key_signer().public_key()}})});
  CHECK(outcome(leaf.verify(issued(root), "leaf", kNow)) == kInvalid + "its signature is wrong");
}

TEST_CASE("Texts of any length are taken or refused, up to 64 KiB in all", "[tokens]") {
  const Tree tree;
  const std::string kilobytes(4'096, 'x');
  CHECK(outcome(verdict(tree.with([&](Token& it) { it.subject = kilobytes; }))) == "accepted");
  CHECK_FALSE(verdict(tree.with([&](Token& it) { it.issuer_id = kilobytes; })));
  CHECK_FALSE(verdict(tree.with([&](Token& it) { it.algorithm = kilobytes; })));
  CHECK_FALSE(verdict(tree.with([&](Token& it) { it.processor_chain[0] = kilobytes; })));
  CHECK_FALSE(verdict(tree.with([&](Token& it) { it.issuer_certificates = kilobytes; })));
  Token long_signature = tree.token;
  long_signature.signature = kilobytes;
  CHECK_FALSE(verdict(long_signature));
  const Token target = tree.with([&](Token& it) {
    it.target_processor_id = kilobytes;
    it.processor_chain.back() = kilobytes;
  });
  CHECK_FALSE(verifier_at(1, certified()).verify(target, "leaf", kNow));

  const std::size_t rest = 65'536 - canonical_bytes(tree.token).size() + tree.token.subject.size();
  CHECK(outcome(verdict(tree.with([&](Token& it) { it.subject.assign(rest, 'x'); }))) == "accepted");
  CHECK(outcome(verdict(tree.with([&](Token& it) { it.subject.assign(rest + 1, 'x'); }))) ==
        kInvalid + "it is too large");
  CHECK_FALSE(verdict(tree.with([&](Token& it) { it.processor_chain.resize(20'000); })));
}

TEST_CASE("Of threads that show the same token at once, one is believed", "[tokens]") {
  const TokenSigner signer = signer_of(root_node());
  TokenVerifier leaf = verifier_at(2, certified());
  constexpr int kTokens = 20;
  std::vector<Token> tokens;
  for (int i = 0; i < kTokens; ++i) tokens.push_back(issued(signer));
  std::atomic<int> accepted{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (const Token& token : tokens) accepted += leaf.verify(token, "leaf", kNow) ? 1 : 0;
      });
    }
    leaf.set_issuers({.line = kChain, .keys = certified()});
  }
  CHECK(accepted == kTokens);
}

TEST_CASE("Threads sign with one key at once, each a token that is accepted", "[tokens]") {
  for (const KeyKind kind : {KeyKind::kRsa, KeyKind::kEcdsa, KeyKind::kEd25519}) {
    const TokenSigner signer = signer_of(root_node(kind));
    TokenVerifier leaf = verifier_at(2, certified());
    std::atomic<int> accepted{0};
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
          for (int n = 0; n < 10; ++n) {
            const Result<Token> token = signer.issue(kChain, "alice", kNow);
            accepted += token && leaf.verify(*token, "leaf", kNow) ? 1 : 0;
          }
        });
      }
    }
    CHECK(accepted == 40);
  }
}
