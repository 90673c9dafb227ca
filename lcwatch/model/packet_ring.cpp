#include "lcwatch/model/packet_ring.h"

#include <utility>

namespace lc::watch {
namespace {

std::size_t size_of(const PacketRow& row) {
  return row.bytes ? row.bytes->size() : 0;
}

}  // namespace

void PacketRing::take(PacketsCame came) {
  Totals& of_server = totals_[came.server];
  offered_ += came.offered - std::exchange(of_server.offered, came.offered);
  skipped_ += came.skipped - std::exchange(of_server.skipped, came.skipped);
  if (paused_) {
    passed_ += came.packets.size();
    return;
  }
  for (PacketRow& row : came.packets) {
    bytes_ += size_of(row);
    entries_.push_back({came.server, std::move(row)});
    while (entries_.size() > kMostRows || (bytes_ > kMostBytes && entries_.size() > 1)) {
      bytes_ -= size_of(entries_.front().row);
      entries_.pop_front();
      ++first_;
    }
  }
}

void PacketRing::pause(bool paused) {
  paused_ = paused;
  passed_ = 0;
}

const PacketRing::Entry* PacketRing::find(std::uint64_t number) const {
  return number < first_ || number >= end() ? nullptr : &entries_[number - first_];
}

}  // namespace lc::watch
