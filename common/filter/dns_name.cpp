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

bool DnsName::read(std::span<const std::uint8_t> message, std::size_t& at) {
  size_ = 0;
  std::size_t behind = 0;  // the first pointer: there the message goes on
  std::size_t jumps = 0;
  for (std::size_t i = at; i < message.size();) {
    const std::size_t length = message[i];
    if (length == 0) {
      at = behind != 0 ? behind : i + 1;
      return true;
    }
    if (length >= 0xc0) {
      if (i + 1 >= message.size() || ++jumps > kMostJumps) break;
      if (behind == 0) behind = i + 2;
      i = u16_at(message, i) & 0x3fff;
      continue;
    }
    if (length > 63 || i + 1 + length > message.size() || size_ + 1 + length > name_.size()) break;
    if (size_ > 0) name_[size_++] = '.';
    std::copy_n(message.begin() + static_cast<std::ptrdiff_t>(i + 1), length,
                name_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += length;
    i += 1 + length;
  }
  return false;
}

DnsQuestions::DnsQuestions(std::span<const std::uint8_t> message) : message_(message), at_(kHeader) {
  if (message.size() > kHeader) left_ = std::min(u16_at(message, 4), kMostQuestions);
}

std::optional<std::string_view> DnsQuestions::next() {
  if (left_ == 0) return std::nullopt;
  --left_;
  if (!name_.read(message_, at_)) {
    left_ = 0;
    return std::nullopt;
  }
  at_ += 4;  // type and class
  return name_.text();
}

bool begins_dns_message(std::span<const std::uint8_t> message) {
  if (message.size() < kHeader) return false;
  const unsigned opcode = message[2] >> 3 & 0x0f;
  const bool has_zero_bit = (message[3] & 0x40) == 0;
  const bool is_opcode = opcode <= 2 || opcode == 4 || opcode == 5;
  return is_opcode && has_zero_bit && u16_at(message, 4) == 1;
}

}  // namespace lc::filter
