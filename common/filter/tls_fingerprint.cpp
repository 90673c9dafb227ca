#include <openssl/evp.h>

#include <algorithm>
#include <cstdio>

#include "common/filter/tls_hello.h"

namespace lc::filter {
namespace {

// RFC 8701: 0x0a0a, 0x1a1a, ... 0xfafa.
bool is_grease(std::uint16_t value) {
  return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

std::vector<std::uint16_t> without_grease(std::vector<std::uint16_t> values) {
  std::erase_if(values, is_grease);
  return values;
}

template <typename List>
std::string in_decimal(const List& values) {
  std::string text;
  for (const unsigned value : values) text += (text.empty() ? "" : "-") + std::to_string(value);
  return text;
}

std::string in_hex(const std::vector<std::uint16_t>& values) {
  std::string text;
  std::array<char, 8> hex{};
  for (const unsigned value : values) {
    std::snprintf(hex.data(), hex.size(), "%04x", value);
    text += (text.empty() ? "" : ",") + std::string(hex.data());
  }
  return text;
}

/// In hexadecimal; empty when OpenSSL has no such hash (MD5 in its FIPS mode).
std::string digest(const EVP_MD* algorithm, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), bytes.data(), &size, algorithm, nullptr) != 1) return {};
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    hex += kDigits[bytes[i] >> 4];
    hex += kDigits[bytes[i] & 0x0f];
  }
  return hex;
}

std::string short_sha256(const std::string& text, bool is_empty) {
  return is_empty ? std::string(12, '0') : digest(EVP_sha256(), text).substr(0, 12);
}

std::string_view version_text(const TlsHello& hello) {
  const std::vector<std::uint16_t> versions = without_grease(hello.versions);
  switch (versions.empty() ? hello.legacy_version : *std::max_element(versions.begin(), versions.end())) {
    case 0x0304:
      return "13";
    case 0x0303:
      return "12";
    case 0x0302:
      return "11";
    case 0x0301:
      return "10";
    case 0x0300:
      return "s3";
    default:
      return "00";
  }
}

std::string count_text(std::size_t count) {
  const std::string text = std::to_string(std::min<std::size_t>(count, 99));
  return text.size() == 1 ? "0" + text : text;
}

/// The first and the last character of the protocol's name, or of its hexadecimal form.
std::string protocol_text(const std::string& protocol) {
  if (protocol.empty()) return "00";
  const auto is_alphanumeric = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  };
  const char first = protocol.front();
  const char last = protocol.back();
  if (is_alphanumeric(first) && is_alphanumeric(last)) return {first, last};
  constexpr std::string_view kDigits = "0123456789abcdef";
  return {kDigits[static_cast<unsigned char>(first) >> 4], kDigits[static_cast<unsigned char>(last) & 0x0f]};
}

}  // namespace

std::string ja3_text(const TlsHello& hello) {
  std::string text = std::to_string(hello.legacy_version) + "," + in_decimal(without_grease(hello.ciphers)) + "," +
                     in_decimal(without_grease(hello.extensions));
  if (hello.is_client) {
    text += "," + in_decimal(without_grease(hello.groups)) + "," + in_decimal(hello.point_formats);
  }
  return text;
}

std::string ja3(const TlsHello& hello) {
  return digest(EVP_md5(), ja3_text(hello));
}

std::string ja4(const TlsHello& client_hello) {
  constexpr std::uint16_t kServerName = 0;
  constexpr std::uint16_t kProtocolNegotiation = 16;
  std::vector<std::uint16_t> ciphers = without_grease(client_hello.ciphers);
  std::vector<std::uint16_t> extensions = without_grease(client_hello.extensions);
  std::string text = "t" + std::string(version_text(client_hello)) + (client_hello.has_server_name ? "d" : "i") +
                     count_text(ciphers.size()) + count_text(extensions.size()) +
                     protocol_text(client_hello.first_protocol);
  std::sort(ciphers.begin(), ciphers.end());
  text += "_" + short_sha256(in_hex(ciphers), ciphers.empty());

  std::erase_if(extensions, [](std::uint16_t type) { return type == kServerName || type == kProtocolNegotiation; });
  std::sort(extensions.begin(), extensions.end());
  const std::string algorithms = in_hex(without_grease(client_hello.signature_algorithms));
  text += "_" + short_sha256(in_hex(extensions) + (algorithms.empty() ? "" : "_" + algorithms), extensions.empty());
  return text;
}

}  // namespace lc::filter
