#include "common/filter/stream_protocols.h"

#include <algorithm>
#include <string_view>

#include "common/filter/dns_name.h"
#include "common/filter/text_headers.h"
#include "common/filter/tls_hello.h"
#include "common/packet/byte_reader.h"

namespace lc::filter {
namespace {

using packet::Framing;
using packet::StreamProtocol;
using Bytes = std::span<const std::uint8_t>;

constexpr Framing kLost{Framing::Kind::kLost, 0};
constexpr Framing kMore{Framing::Kind::kMore, 0};

Framing message_of(std::size_t size) {
  return {Framing::Kind::kMessage, size};
}

Framing skip(std::size_t size) {
  return {Framing::Kind::kSkip, size};
}

std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool begins_tls(Bytes bytes) {
  return bytes.size() >= 6 && read_tls_records(bytes.first(6), nullptr).state != TlsRecords::State::kNone;
}

Framing frame_tls(Bytes bytes) {
  const TlsRecords records = read_tls_records(bytes, nullptr);
  if (records.state == TlsRecords::State::kWhole) return message_of(records.size);
  return records.state == TlsRecords::State::kMore ? kMore : kLost;
}

bool begins_http(Bytes bytes) {
  return begins_http_request(text_of(bytes));
}

Framing frame_http(Bytes bytes) {
  const std::string_view text = text_of(bytes);
  if (!begins_http_request(text)) return kLost;
  for (std::size_t line = text.find('\n'); line != std::string_view::npos; line = text.find('\n', line + 1)) {
    const std::string_view rest = text.substr(line + 1);
    if (rest.starts_with('\n')) return message_of(line + 2);
    if (rest.starts_with("\r\n")) return message_of(line + 3);
  }
  return kMore;
}

// A header alone would not do: messages of SIP have From and To, too.
bool begins_mail(Bytes bytes) {
  const std::string_view text = text_of(bytes);
  return begins_ignoring_case(text, "ehlo ") || begins_ignoring_case(text, "helo ") ||
         begins_ignoring_case(text, "lhlo ") || kind_of_mail_line(text) == MailLine::kCommand;
}

/// The size of a header with the lines that continue it (RFC 5322 section 2.2.3); 0: its end is not there yet.
std::size_t header_size(std::string_view text) {
  for (std::size_t line = text.find('\n'); line != std::string_view::npos; line = text.find('\n', line + 1)) {
    if (line + 1 == text.size()) return 0;
    if (text[line + 1] != ' ' && text[line + 1] != '\t') return line + 1;
  }
  return 0;
}

Framing frame_mail(Bytes bytes) {
  constexpr std::size_t kLongestLine = 4096;  // RFC 5321 section 4.5.3.1 allows 1,000
  const std::string_view text = text_of(bytes);
  const std::size_t line = text.find('\n');
  if (line == std::string_view::npos) return text.size() > kLongestLine ? skip(text.size()) : kMore;
  switch (kind_of_mail_line(text)) {
    case MailLine::kCommand:
      return message_of(line + 1);
    case MailLine::kAddresses:
    case MailLine::kSubject: {
      const std::size_t size = header_size(text);
      return size > 0 ? message_of(size) : kMore;
    }
    case MailLine::kOther:
      break;
  }
  return skip(line + 1);
}

bool begins_dns(Bytes bytes) {
  constexpr std::size_t kLeast = 12 + 5;  // a header, and a question for the root
  constexpr std::size_t kLength = 2;
  if (bytes.size() < kLength + kLeast || packet::ByteReader(bytes).u16() < kLeast) return false;
  return begins_dns_message(bytes.subspan(kLength)) && DnsQuestions(bytes.subspan(kLength)).next().has_value();
}

Framing frame_dns(Bytes bytes) {
  constexpr std::size_t kHeader = 2 + 12;
  if (bytes.size() < kHeader) return kMore;
  if (!begins_dns_message(bytes.subspan(2))) return kLost;
  const std::size_t size = std::size_t{2} + packet::ByteReader(bytes).u16();
  if (size < kHeader) return kLost;
  return bytes.size() < size ? kMore : message_of(size);
}

}  // namespace

StreamProtocol tls_protocol() {
  return {&begins_tls, &frame_tls};
}

StreamProtocol http_protocol() {
  return {&begins_http, &frame_http};
}

StreamProtocol mail_protocol() {
  return {&begins_mail, &frame_mail};
}

StreamProtocol dns_protocol() {
  // The longest message and its length field.
  return {&begins_dns, &frame_dns, 2 + 65'535};
}

}  // namespace lc::filter
