// Why a TLS handshake with a processor fails, in words that name the certificate at fault; gRPC says only that it did.
#pragma once

#include <optional>
#include <string>

#include "common/config/tls_settings.h"

namespace lc::wire {

/// Makes one handshake of its own with HOST:PORT and says what was wrong with it; nothing when it succeeds or the peer
/// can't be reached. Blocks for up to 5 s.
std::optional<std::string> diagnose_tls(const std::string& host, int port, const config::TlsSettings& tls);

}  // namespace lc::wire
