// A byte says what it is; then positions, each as epoch, sequence, length of the key (2 bytes) and key, numbers as they
// lie in memory (spool/record.cpp asserts little-endian). A batch has one, and its message behind it.
#include "processord/forward/forward_record.h"

#include <cstring>

namespace lc::processor {
namespace {

constexpr std::uint8_t kBatch = 1;
constexpr std::uint8_t kNote = 2;
constexpr std::size_t kNumbersBytes = 8 + 8 + 2;

template <typename Number>
void append_number(std::vector<std::uint8_t>& out, Number number) {
  const std::size_t at = out.size();
  out.resize(at + sizeof number);
  std::memcpy(out.data() + at, &number, sizeof number);
}

template <typename Number>
Number number_at(const std::uint8_t* data) {
  Number number = 0;
  std::memcpy(&number, data, sizeof number);
  return number;
}

std::optional<ForwardRecord::Position> take_position(std::span<const std::uint8_t>& bytes) {
  if (bytes.size() < kNumbersBytes) return std::nullopt;
  const std::size_t key_bytes = number_at<std::uint16_t>(bytes.data() + 16);
  if (bytes.size() < kNumbersBytes + key_bytes) return std::nullopt;
  const ForwardRecord::Position position = {
      .key = {reinterpret_cast<const char*>(bytes.data() + kNumbersBytes), key_bytes},
      .epoch = number_at<std::uint64_t>(bytes.data()),
      .sequence = number_at<std::uint64_t>(bytes.data() + 8)};
  bytes = bytes.subspan(kNumbersBytes + key_bytes);
  return position;
}

}  // namespace

std::size_t batch_record_bytes(std::string_view key, std::size_t batch_bytes) {
  return 1 + kNumbersBytes + key.size() + batch_bytes;
}

void append_batch(std::vector<std::uint8_t>& out, const ForwardRecord::Position& position,
                  std::span<const std::uint8_t> batch) {
  out.push_back(kBatch);
  append_position(out, position);
  out.insert(out.end(), batch.begin(), batch.end());
}

void begin_note(std::vector<std::uint8_t>& out) {
  out.push_back(kNote);
}

void append_position(std::vector<std::uint8_t>& out, const ForwardRecord::Position& position) {
  append_number(out, position.epoch);
  append_number(out, position.sequence);
  append_number(out, static_cast<std::uint16_t>(position.key.size()));
  out.insert(out.end(), position.key.begin(), position.key.end());
}

std::optional<ForwardRecord> ForwardRecord::parse(std::span<const std::uint8_t> payload) {
  if (payload.empty() || (payload[0] != kBatch && payload[0] != kNote)) return std::nullopt;
  ForwardRecord record;
  record.is_note = payload[0] == kNote;
  for (payload = payload.subspan(1); !record.is_note || !payload.empty();) {
    const std::optional<Position> position = take_position(payload);
    if (!position) return std::nullopt;
    if (!record.is_note) {
      record.position = *position;
      record.batch = payload;
      break;
    }
    record.acknowledged.push_back(*position);
  }
  return record;
}

}  // namespace lc::processor
