#include "common/packet/send_window.h"

#include <algorithm>

namespace lc::packet {

void SendWindow::push(EncodedBatch batch) {
  size_.bytes += batch.bytes.size;
  size_.packets += batch.packets;
  size_.unsent_bytes += batch.bytes.size;
  size_.unsent_packets += batch.packets;
  batches_.push_back(std::move(batch));
}

void SendWindow::sent() {
  const EncodedBatch& batch = batches_[sent_++];
  size_.unsent_bytes -= batch.bytes.size;
  size_.unsent_packets -= batch.packets;
}

void SendWindow::rewind() {
  sent_ = 0;
  size_.unsent_bytes = size_.bytes;
  size_.unsent_packets = size_.packets;
}

void SendWindow::forget(std::uint64_t sequence) {
  while (!batches_.empty() && batches_.front().sequence <= sequence) {
    if (sent_ == 0) sent();  // acknowledged by way of an earlier stream
    size_.bytes -= batches_.front().bytes.size;
    size_.packets -= batches_.front().packets;
    batches_.pop_front();
    --sent_;
  }
}

std::vector<EncodedBatch> SendWindow::after(std::uint64_t sequence, std::size_t bytes) const {
  std::vector<EncodedBatch> found;
  auto batch = std::upper_bound(batches_.begin(), batches_.end(), sequence,
                                [](std::uint64_t number, const EncodedBatch& b) { return number < b.sequence; });
  for (std::size_t sum = 0; batch != batches_.end() && sum < bytes; ++batch) {
    sum += batch->bytes.size;
    found.push_back(*batch);
  }
  return found;
}

std::uint64_t SendWindow::packets_after(std::uint64_t sequence) const {
  std::uint64_t packets = 0;
  for (auto batch = batches_.rbegin(); batch != batches_.rend() && batch->sequence > sequence; ++batch) {
    packets += batch->packets;
  }
  return packets;
}

}  // namespace lc::packet
