// A segment of a record log: a file with a header, and records up to its end.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "common/spool/record.h"

namespace lc::spool {

struct SegmentHeader {
  std::uint64_t epoch = 0;         // of the log; seeds its records' checksums
  std::uint64_t first = 0;         // number of its first record
  std::uint64_t total_before = 0;  // weights of all records of the segments before it
  std::string owner;               // at most kMaxOwnerBytes
};
inline constexpr std::size_t kMaxOwnerBytes = 64;
inline constexpr std::size_t kSegmentHeaderBytes = 112;

std::array<std::uint8_t, kSegmentHeaderBytes> encode(const SegmentHeader& header);
std::optional<SegmentHeader> parse_segment_header(std::span<const std::uint8_t> bytes);

/// Twenty digits and `.spool`, so that names sort like numbers.
std::string segment_name(std::uint64_t first);
/// Nothing for another file's name. Numbers begin at 1.
std::optional<std::uint64_t> first_in_name(std::string_view name);

/// What lies in a piece of a segment.
struct Scan {
  std::size_t consumed = 0;       // bytes that are done with; the rest is the beginning of a record
  std::size_t needed = 0;         // when it is: bytes of that record, as far as known
  std::size_t damaged_begin = 0;  // where the first damaged stretch begins and the last one ends; equal: all is well
  std::size_t damaged_end = 0;
};

/// Hands the whole records in `bytes`, which begin where a record begins, to `take`; what is damaged is passed over, to
/// the next whole record. `last`: the segment ends with these bytes, so that an incomplete record is a damaged one.
Scan scan_records(std::span<const std::uint8_t> bytes, std::uint64_t epoch, bool last,
                  const std::function<void(const Record&)>& take);

}  // namespace lc::spool
