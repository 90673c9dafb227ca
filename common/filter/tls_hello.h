// What a ClientHello or a ServerHello tells in the clear.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lc::filter {

/// RFC 8446 sections 4.1.2 and 4.1.3, older versions alike. Lists are in the order sent, with GREASE values (RFC 8701).
struct TlsHello {
  bool is_client = false;
  std::uint16_t legacy_version = 0;
  std::vector<std::uint16_t> ciphers;  // the server's: the one it chose
  std::vector<std::uint16_t> extensions;
  std::vector<std::uint16_t> groups;
  std::vector<std::uint16_t> signature_algorithms;
  std::vector<std::uint16_t> versions;  // the client's supported_versions
  std::vector<std::uint8_t> point_formats;
  bool has_server_name = false;
  std::string server_name;
  std::string first_protocol;  // the first of the client's ALPN
};

/// How much of the handshake message is there, and where its records end.
struct TlsRecords {
  enum class State { kWhole, kMore, kNone };
  State state = State::kNone;
  std::size_t size = 0;  // kWhole: of the records that carry the message
};

/// Follows the records (RFC 8446 section 5.1) of a hello. With `message`, what they carry of it is put there.
TlsRecords read_tls_records(std::span<const std::uint8_t> records, std::vector<std::uint8_t>* message);

/// Reads the handshake message of whole records. False: it is no hello, is cut short, or contradicts itself; what came
/// before that is in `hello`. Keeps the room of its lists. Never throws but for want of memory; any bytes are allowed.
bool parse_tls_hello(std::span<const std::uint8_t> message, TlsHello& hello);

/// The fingerprints' published forms, in lower case. JA3 and JA3S: https://github.com/salesforce/ja3. JA4 (of TLS over
/// TCP): https://github.com/FoxIO-LLC/ja4, technical_details/JA4.md.
std::string ja3_text(const TlsHello& hello);  // of both; the fingerprint is its MD5
std::string ja3(const TlsHello& hello);
std::string ja4(const TlsHello& client_hello);

}  // namespace lc::filter
