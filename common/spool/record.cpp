#include "common/spool/record.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace lc::spool {
namespace {

static_assert(std::endian::native == std::endian::little, "records are written as they lie in memory");

constexpr std::uint32_t kMagic = 0x3152'636c;  // "lcR1"

struct Header {
  std::uint32_t magic = kMagic;
  std::uint32_t size = 0;  // of the payload
  std::uint64_t number = 0;
  std::uint64_t total_before = 0;
  std::int64_t time_ns = 0;
  std::uint32_t weight = 0;
  std::uint32_t reserved = 0;
  std::uint64_t payload_hash = 0;
  std::uint64_t header_hash = 0;  // of all before it
};
static_assert(sizeof(Header) == kRecordHeaderBytes);

std::uint64_t hash_of(const Header& header, std::uint64_t seed) {
  return XXH3_64bits_withSeed(&header, offsetof(Header, header_hash), seed);
}

}  // namespace

void put_record_header(std::uint8_t* out, std::uint64_t seed, const Record& record) {
  Header header{.size = static_cast<std::uint32_t>(record.payload.size()),
                .number = record.info.number,
                .total_before = record.info.total_before,
                .time_ns = record.info.time_ns,
                .weight = record.info.weight,
                .payload_hash = XXH3_64bits_withSeed(record.payload.data(), record.payload.size(), seed)};
  header.header_hash = hash_of(header, seed);
  std::memcpy(out, &header, sizeof header);
}

void append_record(std::vector<std::uint8_t>& out, std::uint64_t seed, const Record& record) {
  const std::size_t at = out.size();
  out.resize(at + kRecordHeaderBytes);
  put_record_header(out.data() + at, seed, record);
  out.insert(out.end(), record.payload.begin(), record.payload.end());
}

std::variant<Record, Incomplete, Damaged> parse_record(std::span<const std::uint8_t> bytes, std::uint64_t seed) {
  if (bytes.size() < kRecordHeaderBytes) return Incomplete{kRecordHeaderBytes};
  Header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != kMagic || header.size > kMaxPayloadBytes || header.header_hash != hash_of(header, seed)) {
    return Damaged{};
  }
  if (bytes.size() - kRecordHeaderBytes < header.size) return Incomplete{record_bytes(header.size)};
  const std::span payload = bytes.subspan(kRecordHeaderBytes, header.size);
  if (XXH3_64bits_withSeed(payload.data(), payload.size(), seed) != header.payload_hash) {
    return Damaged{.skip = record_bytes(header.size)};
  }
  return Record{{header.number, header.total_before, header.weight, header.time_ns}, payload};
}

std::size_t find_record(std::span<const std::uint8_t> bytes, std::size_t from) {
  constexpr std::size_t kMagicBytes = sizeof kMagic;
  for (std::size_t at = from; at < bytes.size();) {
    const void* found = std::memchr(bytes.data() + at, kMagic & 0xff, bytes.size() - at);
    if (found == nullptr) return bytes.size();
    at = static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - bytes.data());
    const std::size_t left = std::min(kMagicBytes, bytes.size() - at);
    if (std::memcmp(bytes.data() + at, &kMagic, left) == 0) return at;
    ++at;
  }
  return bytes.size();
}

}  // namespace lc::spool
