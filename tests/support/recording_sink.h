// A batch sink that keeps what it gets and wants what the test says.
#pragma once

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <vector>

#include "common/packet/batch.h"
#include "common/packet/batch_sink.h"
#include "tests/support/changes.h"
#include "tests/support/numbered_packets.h"

namespace lc::test {

class RecordingSink final : public packet::BatchSink {
 public:
  void submit(packet::BatchBuilder& batch, const packet::BatchStats& stats) override {
    changes_.change([&] {
      packet::BatchHeader header;
      header.hunter_id = "sink";
      header.sequence = batches_.size() + 1;
      header.stats = stats;
      Result<packet::Batch> parsed = packet::Batch::parse(batch.seal(header).bytes);
      if (!parsed) throw std::logic_error(parsed.error().text);
      batches_.push_back(std::move(*parsed));
    });
  }
  [[nodiscard]] packet::FlowSignal signal() const override { return signal_.load(); }
  void add_listener(packet::SinkListener& listener) override {
    changes_.change([&] { listeners_.push_back(&listener); });
  }
  void remove_listener(packet::SinkListener& listener) override {
    changes_.change([&] { std::erase(listeners_, &listener); });
  }

  void become(packet::FlowSignal signal) {
    signal_ = signal;
    if (signal >= packet::FlowSignal::kSpill) return;
    changes_.change([&] {
      for (packet::SinkListener* listener : listeners_) listener->notify();
    });
  }
  bool wait_for_packets(std::size_t count) {
    return changes_.wait([&] { return packets_locked() >= count; });
  }
  [[nodiscard]] std::size_t packets() const {
    return changes_.look([this] { return packets_locked(); });
  }
  /// Packets of each batch.
  [[nodiscard]] std::vector<std::size_t> sizes() const {
    return changes_.look([this] {
      std::vector<std::size_t> sizes;
      for (const packet::Batch& batch : batches_) sizes.push_back(batch.packets().size());
      return sizes;
    });
  }
  [[nodiscard]] std::vector<packet::Batch> batches() const {
    return changes_.look([this] { return batches_; });
  }
  [[nodiscard]] std::vector<Numbered> numbers() const {
    return changes_.look([this] {
      std::vector<Numbered> numbers;
      for (const packet::Batch& batch : batches_) {
        for (const packet::PacketEntry& entry : batch.packets()) numbers.push_back(numbered_of(batch.data_of(entry)));
      }
      return numbers;
    });
  }
  [[nodiscard]] std::size_t listeners() const {
    return changes_.look([this] { return listeners_.size(); });
  }

 private:
  [[nodiscard]] std::size_t packets_locked() const {
    std::size_t count = 0;
    for (const packet::Batch& batch : batches_) count += batch.packets().size();
    return count;
  }

  std::atomic<packet::FlowSignal> signal_{packet::FlowSignal::kBusy};
  mutable Changes changes_;
  std::vector<packet::Batch> batches_;
  std::vector<packet::SinkListener*> listeners_;
};

}  // namespace lc::test
