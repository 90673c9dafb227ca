#include "common/filter/tls_hello.h"

#include <algorithm>

#include "common/packet/byte_reader.h"

namespace lc::filter {
namespace {

using packet::ByteReader;

constexpr std::uint8_t kHandshake = 22;
constexpr std::uint8_t kClientHello = 1;
constexpr std::uint8_t kServerHello = 2;
constexpr std::size_t kRecordHeader = 5;
constexpr std::size_t kMessageHeader = 4;
constexpr std::size_t kLargestRecord = 16'384 + 256;
constexpr std::size_t kLargestHello = 64 * 1024;

// https://www.iana.org/assignments/tls-extensiontype-values
enum Extension : std::uint16_t {
  kServerName = 0,
  kSupportedGroups = 10,
  kPointFormats = 11,
  kSignatureAlgorithms = 13,
  kProtocolNegotiation = 16,
  kSupportedVersions = 43,
};

std::span<const std::uint8_t> take(ByteReader& reader, std::size_t size) {
  const auto rest = reader.rest();
  reader.skip(size);
  return reader.ok() ? rest.first(size) : rest.first(0);
}

void read_u16_list(std::span<const std::uint8_t> bytes, std::vector<std::uint16_t>& list) {
  ByteReader reader(bytes);
  for (std::size_t i = 0; i < bytes.size() / 2; ++i) list.push_back(reader.u16());
}

std::string text_of(std::span<const std::uint8_t> bytes) {
  return {bytes.begin(), bytes.end()};
}

void read_extension(std::uint16_t type, std::span<const std::uint8_t> body, TlsHello& hello) {
  ByteReader reader(body);
  switch (type) {
    case kServerName: {  // RFC 6066 section 3
      hello.has_server_name = true;
      reader.skip(2);
      const bool is_host = reader.u8() == 0;
      const auto name = take(reader, reader.u16());
      if (is_host) hello.server_name = text_of(name);
      break;
    }
    case kSupportedGroups:
      read_u16_list(take(reader, reader.u16()), hello.groups);
      break;
    case kPointFormats: {
      const auto formats = take(reader, reader.u8());
      hello.point_formats.assign(formats.begin(), formats.end());
      break;
    }
    case kSignatureAlgorithms:
      read_u16_list(take(reader, reader.u16()), hello.signature_algorithms);
      break;
    case kProtocolNegotiation:  // RFC 7301 section 3.1
      reader.skip(2);
      hello.first_protocol = text_of(take(reader, reader.u8()));
      break;
    case kSupportedVersions:
      if (hello.is_client) read_u16_list(take(reader, reader.u8()), hello.versions);
      break;
    default:
      break;
  }
}

void clear(TlsHello& hello) {
  hello.ciphers.clear();
  hello.extensions.clear();
  hello.groups.clear();
  hello.signature_algorithms.clear();
  hello.versions.clear();
  hello.point_formats.clear();
  hello.has_server_name = false;
  hello.server_name.clear();
  hello.first_protocol.clear();
}

}  // namespace

TlsRecords read_tls_records(std::span<const std::uint8_t> records, std::vector<std::uint8_t>* message) {
  if (message != nullptr) message->clear();
  std::array<std::uint8_t, kMessageHeader> header{};  // may be split over records, though nobody does
  std::size_t carried = 0;
  std::size_t wanted = kMessageHeader;
  for (std::size_t at = 0; at < records.size();) {
    const auto rest = records.subspan(at);
    const bool is_handshake =
        rest[0] == kHandshake && (rest.size() < 2 || rest[1] == 3) && (rest.size() < 3 || rest[2] <= 4);
    if (!is_handshake) return {};
    if (rest.size() < kRecordHeader) break;
    const std::size_t length = ByteReader(rest, 3).u16();
    if (length == 0 || length > kLargestRecord) return {};
    const auto body = rest.subspan(kRecordHeader, std::min(length, rest.size() - kRecordHeader));
    for (std::size_t i = 0; i < body.size() && carried + i < header.size(); ++i) header[carried + i] = body[i];
    if (message != nullptr) message->insert(message->end(), body.begin(), body.end());
    carried += body.size();
    if (carried > 0 && header[0] != kClientHello && header[0] != kServerHello) return {};
    if (carried >= kMessageHeader) {
      wanted = kMessageHeader + (std::size_t{header[1]} << 16 | std::size_t{header[2]} << 8 | header[3]);
      if (wanted > kLargestHello) return {};
    }
    if (body.size() < length) break;
    at += kRecordHeader + length;
    if (carried >= wanted) return {TlsRecords::State::kWhole, at};
  }
  return {TlsRecords::State::kMore, 0};
}

bool parse_tls_hello(std::span<const std::uint8_t> message, TlsHello& hello) {
  clear(hello);
  ByteReader reader(message);
  const std::uint8_t type = reader.u8();
  const std::size_t size = std::size_t{reader.u8()} << 16 | reader.u16();
  if (!reader.ok() || (type != kClientHello && type != kServerHello)) return false;
  reader.limit(kMessageHeader + size);
  hello.is_client = type == kClientHello;
  hello.legacy_version = reader.u16();
  reader.skip(32);  // random
  reader.skip(reader.u8());
  if (hello.is_client) {
    read_u16_list(take(reader, reader.u16()), hello.ciphers);
    reader.skip(reader.u8());  // compression methods
  } else {
    hello.ciphers.push_back(reader.u16());
    reader.skip(1);
  }
  if (!reader.ok() || hello.legacy_version >> 8 != 3) return false;
  if (reader.rest().empty()) return true;  // TLS before extensions
  reader.limit(reader.position() + 2 + ByteReader(reader.rest()).u16());
  reader.skip(2);
  while (reader.ok() && !reader.rest().empty()) {
    const std::uint16_t extension = reader.u16();
    const auto body = take(reader, reader.u16());
    if (!reader.ok()) break;
    hello.extensions.push_back(extension);
    read_extension(extension, body, hello);
  }
  return reader.ok();
}

}  // namespace lc::filter
