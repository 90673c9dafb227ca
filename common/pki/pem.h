// Certificates and keys from and to PEM (RFC 7468). Any thread; none asks for a pass phrase.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/pki/openssl.h"

namespace lc::pki {

/// Every certificate, in the text's order; what else is there is passed over. Nothing if one of them is damaged.
std::vector<Certificate> read_certificates(std::string_view pem);

/// Only the certificates.
std::string write_certificates(std::span<const Certificate> certificates);

/// The first private key; null if there is none, or it is encrypted.
Key read_private_key(std::string_view pem);

}  // namespace lc::pki
