#include "common/info/dns_info.h"

#include <algorithm>
#include <array>

#include "common/filter/dns_name.h"
#include "common/info/line.h"
#include "common/packet/byte_reader.h"
#include "common/packet/wire_format.h"

namespace lc::info {
namespace {

using packet::ByteReader;
using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t kHeader = 12;
constexpr std::size_t kMostAnswers = 32;
constexpr std::size_t kMostTexts = 8;  // strings of one TXT record

struct Numbered {
  std::uint16_t number = 0;
  std::string_view name;
};

// https://www.iana.org/assignments/dns-parameters, those that are met.
constexpr std::array<Numbered, 37> kTypes = {
    {{1, "A"},      {2, "NS"},       {5, "CNAME"},  {6, "SOA"},     {12, "PTR"},   {13, "HINFO"},      {15, "MX"},
     {16, "TXT"},   {17, "RP"},      {18, "AFSDB"}, {24, "SIG"},    {25, "KEY"},   {28, "AAAA"},       {29, "LOC"},
     {33, "SRV"},   {35, "NAPTR"},   {37, "CERT"},  {39, "DNAME"},  {41, "OPT"},   {42, "APL"},        {43, "DS"},
     {44, "SSHFP"}, {46, "RRSIG"},   {47, "NSEC"},  {48, "DNSKEY"}, {50, "NSEC3"}, {51, "NSEC3PARAM"}, {52, "TLSA"},
     {59, "CDS"},   {60, "CDNSKEY"}, {64, "SVCB"},  {65, "HTTPS"},  {250, "TSIG"}, {251, "IXFR"},      {252, "AXFR"},
     {255, "ANY"},  {257, "CAA"}}};
constexpr std::array<Numbered, 5> kClasses = {{{1, "IN"}, {3, "CH"}, {4, "HS"}, {254, "NONE"}, {255, "ANY"}}};
constexpr std::array<Numbered, 6> kOpcodes = {
    {{0, "Query"}, {1, "IQuery"}, {2, "Status"}, {4, "Notify"}, {5, "Update"}, {6, "DSO"}}};
constexpr std::array<Numbered, 12> kResponseCodes = {{{0, "NoError"},
                                                      {1, "FormErr"},
                                                      {2, "ServFail"},
                                                      {3, "NXDomain"},
                                                      {4, "NotImp"},
                                                      {5, "Refused"},
                                                      {6, "YXDomain"},
                                                      {7, "YXRRSet"},
                                                      {8, "NXRRSet"},
                                                      {9, "NotAuth"},
                                                      {10, "NotZone"},
                                                      {11, "DSOTYPENI"}}};

template <std::size_t size>
std::string name_of(std::uint16_t number, const std::array<Numbered, size>& names, std::string_view otherwise) {
  const auto found = std::ranges::find(names, number, &Numbered::number);
  return found != names.end() ? std::string(found->name) : join(otherwise, number);
}

std::string class_of(std::uint16_t number) {
  constexpr std::uint16_t kMulticastBit = 0x8000;  // cache flush, or "answer me alone": RFC 6762 section 18.12
  return name_of(number & static_cast<std::uint16_t>(~kMulticastBit), kClasses, "CLASS");
}

std::string name_at(Bytes message, std::size_t at) {
  filter::DnsName name;
  return name.read(message, at) ? field_text(name.text()) : std::string();
}

std::string texts_of(Bytes data) {
  std::string text;
  for (std::size_t i = 0; i < kMostTexts && !data.empty(); ++i) {
    const Bytes one = data.subspan(1, std::min<std::size_t>(data[0], data.size() - 1));
    append(text, i == 0 ? "" : " ", packet::wire_format::as_text(one));
    data = data.subspan(1 + one.size());
  }
  return field_text(text);
}

/// RFC 1035 section 3.3, RFC 3596, RFC 2782. `at`: where the record's data begin in the message.
std::string data_of(std::uint16_t type, Bytes message, std::size_t at, std::size_t size) {
  const Bytes data = message.subspan(at, size);
  ByteReader reader(data);
  switch (type) {
    case 1:
      return size == 4 ? packet::IpAddress(data.first<4>()).text() : std::string();
    case 28:
      return size == 16 ? packet::IpAddress(data.first<16>()).text() : std::string();
    case 2:
    case 5:
    case 12:
    case 39:
      return name_at(message, at);
    case 15: {
      const std::uint16_t preference = reader.u16();
      return join(preference, " ", name_at(message, at + 2));
    }
    case 16:
      return texts_of(data);
    case 33: {
      const std::uint16_t priority = reader.u16();
      const std::uint16_t weight = reader.u16();
      const std::uint16_t port = reader.u16();
      return join(priority, " ", weight, " ", port, " ", name_at(message, at + 6));
    }
    default:
      return {};
  }
}

void read_answers(Bytes message, std::size_t at, DnsInfo& dns) {
  constexpr std::size_t kFixed = 10;
  filter::DnsName name;
  for (std::size_t i = 0; i < std::min<std::size_t>(dns.answers, kMostAnswers); ++i) {
    if (!name.read(message, at)) return;
    ByteReader reader(message, at);
    DnsAnswer answer;
    const std::uint16_t type = reader.u16();
    const std::uint16_t rr_class = reader.u16();
    answer.ttl_s = reader.u32();
    const std::size_t size = reader.u16();
    if (!reader.ok() || size > reader.rest().size()) return;
    answer.name = field_text(name.text());
    answer.type = name_of(type, kTypes, "TYPE");
    answer.rr_class = class_of(rr_class);
    answer.data = data_of(type, message, at + kFixed, size);
    dns.answer_section.push_back(std::move(answer));
    at += kFixed + size;
  }
}

}  // namespace

std::optional<DnsInfo> dns_info(Bytes message) {
  ByteReader reader(message);
  DnsInfo dns;
  dns.id = reader.u16();
  dns.flags = reader.u16();
  dns.questions = reader.u16();
  dns.answers = reader.u16();
  dns.authorities = reader.u16();
  dns.additionals = reader.u16();
  const auto opcode = static_cast<std::uint16_t>(dns.flags >> 11 & 0x0f);
  constexpr std::uint16_t kZero = 0x0040;
  if (!reader.ok() || opcode > kOpcodes.back().number || (dns.flags & kZero) != 0) return std::nullopt;
  dns.opcode = name_of(opcode, kOpcodes, "OPCODE");
  if (dns.is_response()) dns.response_code = name_of(dns.flags & 0x0f, kResponseCodes, "RCODE");

  filter::DnsQuestions questions(message);
  std::size_t at = kHeader;
  for (bool is_first = true; const auto name = questions.next(); is_first = false) {
    at = questions.position();
    if (!is_first) continue;
    ByteReader fields(message, at - 4);
    const std::uint16_t type = fields.u16();
    const std::uint16_t query_class = fields.u16();
    if (!fields.ok()) return std::nullopt;
    dns.query_name = field_text(*name);
    dns.query_type = name_of(type, kTypes, "TYPE");
    dns.query_class = class_of(query_class);
  }
  if (dns.questions > 0 && dns.query_type.empty()) return std::nullopt;
  if (dns.is_response() || dns.questions == 0) read_answers(message, at, dns);
  return dns;
}

std::string dns_line(const DnsInfo& dns) {
  std::string line = join(dns.opcode == "Query" ? "Standard query" : dns.opcode,
                          dns.is_response() ? " response 0x" : " 0x", Hex{dns.id, 4});
  if (dns.is_response() && dns.response_code != "NoError") append(line, " ", dns.response_code);
  if (!dns.query_type.empty()) append(line, " ", dns.query_type, " ", dns.query_name);
  for (const DnsAnswer& answer : dns.answer_section) {
    if (line.size() > kLongestLine * 4) break;
    append(line, " ", answer.type, answer.data.empty() ? "" : " ", answer.data);
  }
  return line;
}

}  // namespace lc::info
