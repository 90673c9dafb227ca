// What a record of the forward queue's log holds.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace lc::processor {

/// Either a batch, or a note of how far lanes were acknowledged when it was written.
struct ForwardRecord {
  struct Position {
    std::string_view key;  // of the origin
    std::uint64_t epoch = 0;
    std::uint64_t sequence = 0;
  };

  Position position;  // the batch's
  std::span<const std::uint8_t> batch;
  std::vector<Position> acknowledged;
  bool is_note = false;

  /// Views into `payload`. Nothing: no such record.
  static std::optional<ForwardRecord> parse(std::span<const std::uint8_t> payload);
};

/// Payload bytes of a record with such a batch.
std::size_t batch_record_bytes(std::string_view key, std::size_t batch_bytes);

// Each appends to `out`; a note is begun, then filled with positions.
void append_batch(std::vector<std::uint8_t>& out, const ForwardRecord::Position& position,
                  std::span<const std::uint8_t> batch);
void begin_note(std::vector<std::uint8_t>& out);
void append_position(std::vector<std::uint8_t>& out, const ForwardRecord::Position& position);

}  // namespace lc::processor
