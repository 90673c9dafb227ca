#include "common/spool/segment.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace lc::spool {
namespace {

constexpr std::string_view kSuffix = ".spool";
constexpr std::size_t kDigits = 20;

struct Raw {
  std::array<char, 8> magic = {'l', 'c', 's', 'p', 'o', 'o', 'l', '1'};
  std::uint64_t epoch = 0;
  std::uint64_t first = 0;
  std::uint64_t total_before = 0;
  std::array<char, kMaxOwnerBytes> owner{};
  std::uint64_t reserved = 0;
  std::uint64_t hash = 0;  // of all before it
};
static_assert(sizeof(Raw) == kSegmentHeaderBytes);

std::uint64_t hash_of(const Raw& raw) {
  return XXH3_64bits(&raw, offsetof(Raw, hash));
}

}  // namespace

std::array<std::uint8_t, kSegmentHeaderBytes> encode(const SegmentHeader& header) {
  Raw raw{.epoch = header.epoch, .first = header.first, .total_before = header.total_before};
  std::copy_n(header.owner.begin(), std::min(header.owner.size(), kMaxOwnerBytes), raw.owner.begin());
  raw.hash = hash_of(raw);
  std::array<std::uint8_t, kSegmentHeaderBytes> bytes{};
  std::memcpy(bytes.data(), &raw, sizeof raw);
  return bytes;
}

std::optional<SegmentHeader> parse_segment_header(std::span<const std::uint8_t> bytes) {
  Raw raw;
  if (bytes.size() < sizeof raw) return std::nullopt;
  const auto magic = raw.magic;
  std::memcpy(&raw, bytes.data(), sizeof raw);
  if (raw.magic != magic || raw.hash != hash_of(raw)) return std::nullopt;
  const auto end = std::find(raw.owner.begin(), raw.owner.end(), '\0');
  return SegmentHeader{raw.epoch, raw.first, raw.total_before, std::string(raw.owner.begin(), end)};
}

std::string segment_name(std::uint64_t first) {
  const std::string digits = std::to_string(first);
  return std::string(kDigits - digits.size(), '0') + digits + std::string(kSuffix);
}

std::optional<std::uint64_t> first_in_name(std::string_view name) {
  if (name.size() != kDigits + kSuffix.size() || !name.ends_with(kSuffix)) return std::nullopt;
  std::uint64_t first = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + kDigits, first);
  if (error != std::errc() || end != name.data() + kDigits || first == 0) return std::nullopt;
  return first;
}

Scan scan_records(std::span<const std::uint8_t> bytes, std::uint64_t epoch, bool last,
                  const std::function<void(const Record&)>& take) {
  Scan scan;
  const auto damaged = [&](std::size_t skip) {
    if (scan.damaged_end == 0) scan.damaged_begin = scan.consumed;
    scan.consumed += skip;
    scan.damaged_end = scan.consumed;
  };
  for (bool searching = false; scan.consumed < bytes.size();) {
    if (searching) damaged(find_record(bytes, scan.consumed) - scan.consumed);
    const auto found = parse_record(bytes.subspan(scan.consumed), epoch);
    if (const auto* record = std::get_if<Record>(&found)) {
      searching = false;
      take(*record);
      scan.consumed += record_bytes(record->payload.size());
    } else if (const auto* incomplete = std::get_if<Incomplete>(&found); incomplete != nullptr && !last) {
      scan.needed = incomplete->needed;
      break;
    } else if (scan.consumed < bytes.size()) {
      const std::size_t skip = incomplete != nullptr ? 1 : std::get<Damaged>(found).skip;
      damaged(skip);
      searching = skip == 1;
    }
  }
  return scan;
}

}  // namespace lc::spool
