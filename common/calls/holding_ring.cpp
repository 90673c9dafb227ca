#include "common/calls/holding_ring.h"

namespace lc::calls {

HoldingRing::Place HoldingRing::keep(FrameId frame, std::int64_t now_ns) {
  expire(now_ns);
  frames_.hold(frame);
  Entry& entry = entries_.emplace_back();
  entry.frame = frame;
  entry.time_ns = now_ns;
  entry.bytes = frames_.view(frame).captured + static_cast<std::uint32_t>(sizeof(Entry));
  bytes_ += entry.bytes;
  return first_ + entries_.size() - 1;
}

void HoldingRing::keep_media(FrameId frame, const Endpoint& source, const Endpoint& destination, std::int64_t now_ns) {
  const Place place = keep(frame, now_ns);
  Entry& entry = at(place);
  entry.is_media = true;
  entry.source = source;
  entry.destination = destination;
  media_[source].push_back(place);
  if (!(source == destination)) media_[destination].push_back(place);
}

bool HoldingRing::take(Place place, FrameId& frame) {
  if (place < first_) return false;
  Entry& entry = at(place);
  if (entry.taken) return false;
  entry.taken = true;
  bytes_ -= entry.bytes;
  frame = entry.frame;
  return true;
}

void HoldingRing::take(const Endpoint& endpoint, std::vector<FrameId>& taken) {
  const auto found = media_.find(endpoint);
  if (found == media_.end()) return;
  const Places places = std::move(found->second);
  media_.erase(found);
  for (const Place place : places) {
    FrameId frame = 0;
    if (take(place, frame)) taken.push_back(frame);
  }
}

void HoldingRing::expire(std::int64_t now_ns) {
  while (!entries_.empty() &&
         (entries_.front().taken || bytes_ > limits_.bytes || now_ns - entries_.front().time_ns > limits_.age_ns)) {
    drop_oldest();
  }
}

void HoldingRing::clear() {
  while (!entries_.empty()) drop_oldest();
}

void HoldingRing::drop_oldest() {
  const Entry entry = entries_.front();
  entries_.pop_front();
  ++first_;
  if (entry.is_media) {
    forget(entry.source);
    forget(entry.destination);
  }
  if (entry.taken) return;
  bytes_ -= entry.bytes;
  frames_.release(entry.frame);
}

// Places that are no more stand in front.
void HoldingRing::forget(const Endpoint& endpoint) {
  const auto found = media_.find(endpoint);
  if (found == media_.end()) return;
  Places& places = found->second;
  while (!places.empty() && places.front() < first_) places.pop_front();
  if (places.empty()) media_.erase(found);
}

}  // namespace lc::calls
