// Signatures with the three kinds of keys that certificates have here. Any thread, also several with the same key.
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/pki/openssl.h"

namespace lc::processor {

/// The one algorithm that a key of its kind signs with: rsa-pss-sha256 (RFC 8017, 8.1; MGF1 with SHA-256, a salt of 32
/// bytes), ecdsa-sha256 (RFC 3279, 2.2.3), ed25519 (RFC 8032). Empty for other kinds.
std::string_view algorithm_of(const pki::Key& key);

/// kInternal, with OpenSSL's words.
Result<std::string> sign(const pki::Key& key, std::string_view bytes);

bool is_signed_with(const pki::Key& key, std::string_view bytes, std::string_view signature);

}  // namespace lc::processor
