#include "common/info/tls_info.h"

#include <algorithm>

#include "common/info/line.h"
#include "common/info/packet_info.h"
#include "common/packet/byte_reader.h"

namespace lc::info {
namespace {

using packet::ByteReader;
using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t kRecordHeader = 5;
constexpr std::size_t kMessageHeader = 4;
constexpr std::size_t kLargestRecord = 16'384 + 2048;  // RFC 5246 section 6.2.3
constexpr int kMostRecords = 8;                        // that are named, and messages of one of them

enum ContentType : std::uint8_t { kChangeCipherSpec = 20, kAlert = 21, kHandshake = 22, kApplicationData = 23 };

// https://www.iana.org/assignments/tls-parameters
std::string_view handshake_name(std::uint8_t type) {
  switch (type) {
    case 0:
      return "Hello Request";
    case 1:
      return "Client Hello";
    case 2:
      return "Server Hello";
    case 4:
      return "New Session Ticket";
    case 8:
      return "Encrypted Extensions";
    case 11:
      return "Certificate";
    case 12:
      return "Server Key Exchange";
    case 13:
      return "Certificate Request";
    case 14:
      return "Server Hello Done";
    case 15:
      return "Certificate Verify";
    case 16:
      return "Client Key Exchange";
    case 20:
      return "Finished";
    case 22:
      return "Certificate Status";
    default:
      return {};
  }
}

void add(std::string& line, std::string_view what) {
  append(line, line.empty() ? "" : ", ", what);
}

// The messages of one record. In an encrypted one types and lengths make no sense together.
void append_handshake(Bytes body, std::size_t record_size, std::string& line) {
  std::string names;
  std::size_t at = 0;
  for (int i = 0; i < kMostRecords && at < record_size; ++i) {
    ByteReader reader(body, std::min(at, body.size()));
    const std::string_view name = handshake_name(reader.u8());
    const std::size_t size = std::size_t{reader.u8()} << 16 | reader.u16();
    if (!reader.ok()) break;  // the segment ends here
    // A message may go on in the next record, but only a first one is that long.
    if (name.empty() || (at > 0 && at + kMessageHeader + size > record_size)) {
      add(line, "Encrypted Handshake Message");
      return;
    }
    add(names, name);
    at += kMessageHeader + size;
  }
  add(line, names.empty() ? "Handshake" : names);
}

}  // namespace

std::string tls_line(Bytes segment, filter::TlsHello& hello, std::vector<std::uint8_t>& message) {
  std::string line;
  Bytes rest = segment;
  for (int i = 0; i < kMostRecords && !rest.empty(); ++i) {
    ByteReader reader(rest);
    const std::uint8_t type = reader.u8();
    const std::uint16_t version = reader.u16();
    const std::size_t size = reader.u16();
    if (!reader.ok() || type < kChangeCipherSpec || type > kApplicationData || version < 0x0300 || version > 0x0304 ||
        size == 0 || size > kLargestRecord) {
      break;
    }
    const Bytes body = reader.rest().first(std::min(size, reader.rest().size()));
    switch (type) {
      case kChangeCipherSpec:
        add(line, "Change Cipher Spec");
        break;
      case kAlert:
        add(line, size == 2 ? "Alert" : "Encrypted Alert");
        break;
      case kApplicationData:
        add(line, "Application Data");
        break;
      default:
        append_handshake(body, size, line);
        break;
    }
    rest = rest.subspan(std::min(kRecordHeader + size, rest.size()));
  }
  // A ClientHello that goes on in the next segment has its name in the first one nearly always.
  if (line.starts_with("Client Hello")) {
    filter::read_tls_records(segment, &message);
    filter::parse_tls_hello(message, hello);
    if (!hello.server_name.empty()) {
      line.insert(std::string_view("Client Hello").size(), join(" (SNI=", line_part(hello.server_name), ")"));
    }
  }
  return line;
}

}  // namespace lc::info
