#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/filter/tls_hello.h"

namespace lc::info {

/// What the TLS records (RFC 8446 section 5.1) at the begin of a segment are, as tshark has it: `Client Hello
/// (SNI=example.com)`, `Server Hello, Change Cipher Spec`. Empty: no record begins there. Not made safe yet. Keeps the
/// room of `hello`'s lists and of `message`. Any bytes are allowed.
std::string tls_line(std::span<const std::uint8_t> segment, filter::TlsHello& hello,
                     std::vector<std::uint8_t>& message);

}  // namespace lc::info
