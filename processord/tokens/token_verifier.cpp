// The order of the checks: what is cheap first; times only of what is signed, so that nobody but the issuer makes an
// operator's program ask for a new token; and noted as used is only what is good in every other way, so that nobody
// else can spend a token or fill the memory.
#include "processord/tokens/token_verifier.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/base/text.h"
#include "processord/tokens/signature.h"

namespace lc::processor {
namespace {

constexpr std::size_t kMostNonceBytes = 64;
constexpr std::int64_t kSkewNs = std::chrono::nanoseconds(kTokenSkew).count();
constexpr std::int64_t kLifetimeNs = std::chrono::nanoseconds(kTokenLifetime).count();

// The chain must come down our own line: from an issuer that is above us, or us, through everything between.
Status check_way(const Token& token, const std::vector<std::string>& line) {
  const auto issuer = std::find(line.begin(), line.end(), token.issuer_id);
  if (issuer == line.end()) return invalid_token("its issuer is neither this processor nor one above it");
  const auto ours = line.end() - issuer;
  const std::vector<std::string>& chain = token.processor_chain;
  if (std::ssize(chain) < ours || !std::equal(issuer, line.end(), chain.begin())) {
    return invalid_token("its chain does not lead through this processor");
  }
  if (chain.back() != token.target_processor_id) return invalid_token("its chain does not lead to its target");
  return {};
}

Status check_times(const Token& token, std::int64_t now_ns) {
  // Each comparison holds for any number that a peer may send.
  if (token.expires_at_ns <= token.issued_at_ns ||
      static_cast<std::uint64_t>(token.expires_at_ns) - static_cast<std::uint64_t>(token.issued_at_ns) >
          static_cast<std::uint64_t>(kLifetimeNs)) {
    return invalid_token("it is not valid for up to 5 minutes");
  }
  if (token.issued_at_ns > now_ns + kSkewNs) return invalid_token("it was issued in the future; check the clocks");
  if (token.expires_at_ns < now_ns - kSkewNs) return expired_token();
  return {};
}

}  // namespace

TokenVerifier::TokenVerifier(Issuers issuers, std::size_t remembered)
    : issuers_(std::in_place, std::move(issuers)), used_(std::in_place, remembered) {}

void TokenVerifier::set_issuers(Issuers issuers) {
  issuers_.with([&](Issuers& current) { std::swap(current, issuers); });
}

Status TokenVerifier::verify(const Token& token, std::string_view target, std::int64_t now_ns) {
  const Issuers issuers = issuers_.with([](const Issuers& current) { return current; });
  const std::string bytes = canonical_bytes(token);
  if (bytes.size() > kTokenBytes) return invalid_token("it is too large");
  if (token.target_processor_id != target) return invalid_token("it was issued for another processor");
  if (Status way = check_way(token, issuers.line); !way) return way;
  if (token.nonce.size() < kTokenNonceBytes || token.nonce.size() > kMostNonceBytes) {
    return invalid_token("its nonce has not 16 to 64 bytes");
  }

  const Result<pki::Key> key = issuers.keys->key_of(token, now_ns);
  if (!key) return key.error();
  if (const std::string_view algorithm = algorithm_of(*key); algorithm.empty() || token.algorithm != algorithm) {
    return invalid_token("its algorithm is not that of its issuer's key");
  }
  if (!is_signed_with(*key, bytes, token.signature)) return invalid_token("its signature is wrong");
  if (Status times = check_times(token, now_ns); !times) return times;

  // Ids have no slash, so no two pairs have the same name.
  return used_.with([&](ReplayMemory& used) {
    return used.note(token.issuer_id + '/' + token.nonce, token.expires_at_ns + kSkewNs, now_ns);
  });
}

}  // namespace lc::processor
