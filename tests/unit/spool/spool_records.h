// Records whose weight, time and payload follow from their number, so that whoever reads one knows what it must be.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "common/spool/record_log.h"
#include "tests/support/memory_file_system.h"

namespace lc::spool::test {

inline constexpr const char* kDirectory = "/spool/here";
inline constexpr std::uint64_t kEpoch = 0x1234'5678'9abc'def0;

struct Sample {
  std::uint32_t weight = 0;
  std::int64_t time_ns = 0;
  std::vector<std::uint8_t> payload;
};

/// `largest`: of the payload, in bytes; one in ten is up to ten times that.
inline Sample sample(std::uint64_t number, std::size_t largest = 100) {
  std::mt19937_64 random(number);
  Sample result;
  result.weight = static_cast<std::uint32_t>(1 + random() % 50);
  result.time_ns = static_cast<std::int64_t>(random());
  result.payload.resize(random() % (random() % 10 == 0 ? 10 * largest : largest));
  for (auto& byte : result.payload)
    byte = static_cast<std::uint8_t>("lcR1\0\xff"[random() % 6]);  // what a record begins with
  return result;
}

inline bool is_sample(const Record& record, std::size_t largest = 100) {
  const Sample expected = sample(record.info.number, largest);
  return record.info.weight == expected.weight && record.info.time_ns == expected.time_ns &&
         std::equal(record.payload.begin(), record.payload.end(), expected.payload.begin(), expected.payload.end());
}

inline RecordLog::Options small_segments(std::uint64_t segment_bytes = 2000) {
  return {.directory = kDirectory, .owner = "hunter-1", .segment_bytes = segment_bytes, .max_bytes = 1 << 20};
}

/// Null with the error's text in `why`.
inline std::unique_ptr<RecordLog> open_log(FileSystem& files, const RecordLog::Options& options, std::string& why) {
  Result<std::unique_ptr<RecordLog>> log = RecordLog::open(files, options);
  if (log) return std::move(*log);
  why = log.error().text;
  return nullptr;
}

/// Appends the samples [first, last] in one call.
inline Status append_samples(RecordLog& log, std::uint64_t first, std::uint64_t last, std::size_t largest = 100) {
  std::vector<Sample> samples;
  std::vector<Record> records;
  for (std::uint64_t number = first; number <= last; ++number) samples.push_back(sample(number, largest));
  for (std::uint64_t number = first; number <= last; ++number) {
    const Sample& from = samples[number - first];
    records.push_back({{.number = number, .weight = from.weight, .time_ns = from.time_ns}, from.payload});
  }
  if (log.epoch() == 0) log.begin(kEpoch);
  return log.append(records);
}

inline std::uint64_t weight_of(std::uint64_t first, std::uint64_t last) {
  std::uint64_t sum = 0;
  for (std::uint64_t number = first; number <= last; ++number) sum += sample(number).weight;
  return sum;
}

/// What read() gives up to the end, as numbers. 0 stands for a record that is not what was written; an error ends it.
inline std::vector<std::uint64_t> read_numbers(RecordLog& log, std::size_t buffer_bytes = 4096,
                                               std::size_t largest = 100) {
  std::vector<std::uint64_t> numbers;
  std::vector<std::uint8_t> buffer(buffer_bytes);
  for (;;) {
    const auto read = log.read(buffer);
    if (!read) return numbers;
    for (const Record& record : read->records) numbers.push_back(is_sample(record, largest) ? record.info.number : 0);
    if (!read->records.empty()) continue;
    if (read->needed <= buffer.size()) return numbers;
    buffer.resize(read->needed);
  }
}

inline std::vector<std::uint64_t> numbers(std::uint64_t first, std::uint64_t last) {
  std::vector<std::uint64_t> result;
  for (; first <= last; ++first) result.push_back(first);
  return result;
}

}  // namespace lc::spool::test
