// Batches whose content follows from origin and sequence, so that whoever gets one knows what it must be.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "processord/forward/forward_queue.h"

namespace lc::processor::test {

inline std::uint32_t packets_of(std::uint64_t sequence) {
  return static_cast<std::uint32_t>(1 + sequence % 7);
}

inline std::vector<std::uint8_t> content_of(const Origin& origin, std::uint64_t sequence, std::size_t size) {
  std::mt19937_64 random(std::hash<std::string>()(origin.key) ^ (origin.epoch << 32U) ^ sequence);
  std::vector<std::uint8_t> bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

inline packet::EncodedBatch batch_of(const Origin& origin, std::uint64_t sequence, std::size_t size = 1000) {
  const auto content = content_of(origin, sequence, size);
  const std::shared_ptr<std::uint8_t> bytes(new std::uint8_t[size], std::default_delete<std::uint8_t[]>());
  std::copy(content.begin(), content.end(), bytes.get());
  return {{bytes, bytes.get(), size}, sequence, packets_of(sequence), static_cast<std::int64_t>(sequence) * 1000};
}

inline bool is_batch_of(const packet::EncodedBatch& batch, const Origin& origin) {
  const auto content = content_of(origin, batch.sequence, batch.bytes.size);
  return std::equal(content.begin(), content.end(), batch.bytes.data) && batch.packets == packets_of(batch.sequence) &&
         batch.timestamp_ns == static_cast<std::int64_t>(batch.sequence) * 1000;
}

/// As who holds no lock.
inline ForwardQueue::Taken push(ForwardQueue& queue, const Origin& origin, packet::EncodedBatch batch) {
  const ForwardQueue::Taken taken = queue.take(origin, std::move(batch));
  queue.tell_news();
  return taken;
}

inline bool adds_up(const ForwardCounts& counts) {
  return counts.pushed + counts.recovered ==
         counts.acknowledged + counts.in_flight + counts.dropped_full + counts.dropped_damaged;
}

}  // namespace lc::processor::test
