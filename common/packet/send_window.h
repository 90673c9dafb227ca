// The head of a queue of batches in memory: what is sent and not acknowledged, and behind it what is sent next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "common/packet/batch_builder.h"

namespace lc::packet {

/// Batches by rising sequence. Guarded by its owner.
class SendWindow {
 public:
  struct Size {
    std::size_t bytes = 0;
    std::uint64_t packets = 0;
    std::size_t unsent_bytes = 0;
    std::uint64_t unsent_packets = 0;

    [[nodiscard]] std::size_t sent_bytes() const { return bytes - unsent_bytes; }
  };

  void push(EncodedBatch batch);

  /// The next to send; null when there is none. It is sent once sent() is called.
  [[nodiscard]] const EncodedBatch* next() const { return sent_ < batches_.size() ? &batches_[sent_] : nullptr; }
  void sent();
  /// All is to be sent again.
  void rewind();
  /// Lets go of everything up to `sequence`.
  void forget(std::uint64_t sequence);

  /// The first batches behind `sequence`, up to about `bytes`, and one at least if there is one.
  [[nodiscard]] std::vector<EncodedBatch> after(std::uint64_t sequence, std::size_t bytes) const;

  [[nodiscard]] std::uint64_t packets_after(std::uint64_t sequence) const;

  [[nodiscard]] bool empty() const { return batches_.empty(); }
  [[nodiscard]] const EncodedBatch& front() const { return batches_.front(); }
  [[nodiscard]] const EncodedBatch& back() const { return batches_.back(); }
  [[nodiscard]] const Size& size() const { return size_; }

 private:
  std::deque<EncodedBatch> batches_;
  std::size_t sent_ = 0;  // the first `sent_` of them are out
  Size size_;
};

}  // namespace lc::packet
