#include "common/calls/frame_store.h"

#include <algorithm>
#include <cassert>

namespace lc::calls {

FrameId FrameStore::begin(const packet::PacketView& frame, const Origin& origin) {
  if (free_.empty()) {
    free_.push_back(frames_.size());
    frames_.emplace_back();
  }
  current_ = free_.back();
  free_.pop_back();
  Frame& entry = at(current_);
  entry.view = frame;
  entry.origin = origin;
  entry.holders = 1;  // the look itself
  entry.forwarded = false;
  entry.depth = 0;
  return current_;
}

void FrameStore::finish() {
  Frame& frame = at(current_);
  if (frame.holders > 1 && !frame.forwarded) {
    frame.bytes = std::make_unique_for_overwrite<std::uint8_t[]>(frame.view.captured);
    std::copy_n(frame.view.data, frame.view.captured, frame.bytes.get());
    frame.view.data = frame.bytes.get();
    held_bytes_ += frame.view.captured;
  }
  release(current_);
}

void FrameStore::hold(FrameId id) {
  ++at(id).holders;
}

void FrameStore::release(FrameId id) {
  Frame& frame = at(id);
  assert(frame.holders > 0);
  if (--frame.holders == 0) drop(id);
}

void FrameStore::drop(FrameId id) {
  Frame& frame = at(id);
  if (!frame.forwarded) ++dropped_;
  if (let_go_) let_go_(frame.origin);
  free_bytes(frame);
  const std::vector<FrameId> members = std::move(frame.bundle);
  frame.bundle.clear();
  free_.push_back(id);
  for (const FrameId member : members) release(member);
}

void FrameStore::free_bytes(Frame& frame) {
  if (!frame.bytes) return;
  held_bytes_ -= frame.view.captured;
  frame.bytes.reset();
}

void FrameStore::bundle(FrameId id, std::span<const FrameId> fragments) {
  for (const FrameId fragment : fragments) {
    if (fragment == id || std::find(at(id).bundle.begin(), at(id).bundle.end(), fragment) != at(id).bundle.end()) {
      continue;
    }
    if (at(fragment).depth >= kMaxDepth) continue;
    at(id).depth = std::max<std::uint8_t>(at(id).depth, static_cast<std::uint8_t>(at(fragment).depth + 1));
    hold(fragment);
    at(id).bundle.push_back(fragment);
  }
}

void FrameStore::forward(FrameId id, std::span<const std::uint8_t> matched, Outlet& outlet, std::uint32_t keep) {
  for (const FrameId member : at(id).bundle) forward(member, matched, outlet);
  forward_alone(id, matched, outlet, keep);
}

void FrameStore::forward_alone(FrameId id, std::span<const std::uint8_t> matched, Outlet& outlet, std::uint32_t keep) {
  Frame& frame = at(id);
  if (frame.forwarded) return;
  frame.forwarded = true;
  packet::PacketView view = frame.view;
  view.captured = std::min(view.captured, keep);
  outlet.forward(view, frame.origin, matched);
  free_bytes(frame);
}

}  // namespace lc::calls
