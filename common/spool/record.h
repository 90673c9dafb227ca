// How one record lies in a file: a header and the payload, each with a checksum, so that a damaged or torn record is
// known as such and the next whole one is found behind it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

namespace lc::spool {

/// What a record says of itself.
struct RecordInfo {
  std::uint64_t number = 0;        // rises within a log
  std::uint64_t total_before = 0;  // weights of all records before it in this log
  std::uint32_t weight = 0;        // what it counts for, if it is lost: packets
  std::int64_t time_ns = 0;
};

struct Record {
  RecordInfo info;
  std::span<const std::uint8_t> payload;
  std::uint64_t offset = 0;  // where it begins in its segment, once a log has written or read it
};

inline constexpr std::size_t kRecordHeaderBytes = 56;
/// The largest message that is received (16 MiB), and what else a record says of it; a larger size in a header is
/// damage.
inline constexpr std::uint32_t kMaxPayloadBytes = std::uint32_t{17} << 20;

inline constexpr std::size_t record_bytes(std::size_t payload) {
  return kRecordHeaderBytes + payload;
}

/// Appends the record to `out`. `seed`: of the log, so that bytes of another log, or a record that somebody sent as a
/// packet's content, are none of ours.
void append_record(std::vector<std::uint8_t>& out, std::uint64_t seed, const Record& record);

/// Only the header, for a writer that puts the payload elsewhere.
void put_record_header(std::uint8_t* out, std::uint64_t seed, const Record& record);

/// `bytes` ends before the record does.
struct Incomplete {
  std::size_t needed = 0;  // bytes from its beginning, as far as known
};
/// No record, or not as it was written.
struct Damaged {
  std::size_t skip = 1;  // nothing of ours can begin before that
};

/// Looks at what begins at the first of `bytes`. The payload points into `bytes`.
std::variant<Record, Incomplete, Damaged> parse_record(std::span<const std::uint8_t> bytes, std::uint64_t seed);

/// Offset of the next place from `from` on where a record's header may begin; bytes.size() less the few last bytes that
/// could be the beginning of one, if there is none.
std::size_t find_record(std::span<const std::uint8_t> bytes, std::size_t from);

}  // namespace lc::spool
