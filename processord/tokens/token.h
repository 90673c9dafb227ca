// An authorization token: what a processor gives an operator, so that a change can be made on a processor below it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace lc::processor {

/// lippycat.management.AuthorizationToken, field for field.
struct Token {
  std::string signature;  // over canonical_bytes()
  std::int64_t issued_at_ns = 0;
  std::int64_t expires_at_ns = 0;
  std::string target_processor_id;
  std::string issuer_id;
  std::vector<std::string> processor_chain;  // ids from the issuer down to the target, both included
  std::string issuer_certificates;           // PEM, the issuer's own first; empty without TLS
  std::string algorithm;                     // rsa-pss-sha256, ecdsa-sha256, ed25519
  std::string subject;                       // who asked for it
  std::string nonce;
};

constexpr std::chrono::seconds kTokenLifetime{300};
constexpr std::chrono::seconds kTokenSkew{60};              // between the clocks of issuer and verifier
constexpr std::size_t kTokenNonceBytes = 16;                // at least
constexpr std::size_t kTokenKeyBytes = 32;                  // of an announced key: Ed25519 (RFC 8032, 5.1.5)
constexpr std::size_t kTokenBytes = std::size_t{64} << 10;  // at most, of the canonical form

/// What is signed: every field but the signature. Tokens that differ in any of them differ in their bytes.
///
///   "lippycat authorization token, canonical form 1\n"
///   algorithm, issuer_id, target_processor_id, subject    each a text
///   issued_at_ns, expires_at_ns                           each 8 bytes, two's complement
///   processor_chain                                       4 bytes: how many, then each a text
///   nonce, issuer_certificates                            each a text
///
/// A text is its length in 4 bytes and then itself; numbers have their highest byte first. The first line is longer
/// than the part that a peer may choose of what TLS has signed with the same key (RFC 8446, 4.4.3; RFC 5246, 7.4.3), so
/// neither signature can be taken for the other.
std::string canonical_bytes(const Token& token);

/// kUnauthenticated, `authorization token invalid: WHY`.
Error invalid_token(std::string_view why);
/// kUnauthenticated, `token expired`: whoever sent it asks for a new one and tries again.
Error expired_token();

}  // namespace lc::processor
