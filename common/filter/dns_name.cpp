#include "common/filter/dns_name.h"

#include <algorithm>

#include "common/packet/byte_reader.h"

namespace lc::filter {
namespace {

constexpr std::size_t kHeader = 12;
constexpr std::size_t kMostQuestions = 16;  // multicast DNS asks several (RFC 6762); no one asks more
constexpr std::size_t kMostJumps = 16;      // compression pointers (RFC 1035 section 4.1.4)

std::size_t u16_at(std::span<const std::uint8_t> bytes, std::size_t offset) {
  return packet::ByteReader(bytes, offset).u16();
}

}  // namespace

DnsQuestions::DnsQuestions(std::span<const std::uint8_t> message) : message_(message), at_(kHeader) {
  if (message.size() > kHeader) left_ = std::min(u16_at(message, 4), kMostQuestions);
}

std::optional<std::string_view> DnsQuestions::next() {
  if (left_ == 0) return std::nullopt;
  --left_;
  std::size_t size = 0;
  std::size_t behind = 0;  // the first pointer: there the question goes on
  std::size_t jumps = 0;
  for (std::size_t at = at_; at < message_.size();) {
    const std::size_t length = message_[at];
    if (length == 0) {
      at_ = (behind != 0 ? behind : at + 1) + 4;  // type and class
      return std::string_view(name_.data(), size);
    }
    if (length >= 0xc0) {
      if (at + 1 >= message_.size() || ++jumps > kMostJumps) break;
      if (behind == 0) behind = at + 2;
      at = u16_at(message_, at) & 0x3fff;
      continue;
    }
    if (length > 63 || at + 1 + length > message_.size() || size + 1 + length > name_.size()) break;
    if (size > 0) name_[size++] = '.';
    std::copy_n(message_.begin() + static_cast<std::ptrdiff_t>(at + 1), length,
                name_.begin() + static_cast<std::ptrdiff_t>(size));
    size += length;
    at += 1 + length;
  }
  left_ = 0;
  return std::nullopt;
}

bool begins_dns_message(std::span<const std::uint8_t> message) {
  if (message.size() < kHeader) return false;
  const unsigned opcode = message[2] >> 3 & 0x0f;
  const bool has_zero_bit = (message[3] & 0x40) == 0;
  const bool is_opcode = opcode <= 2 || opcode == 4 || opcode == 5;
  return is_opcode && has_zero_bit && u16_at(message, 4) == 1;
}

}  // namespace lc::filter
