// The last seconds of frames that nobody wants yet, but that a call may want later.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <deque>
#include <vector>

#include "common/calls/endpoint.h"
#include "common/calls/frame_store.h"

namespace lc::calls {

/// Bounded in bytes and time; the oldest go first. Frames are found by the call whose signalling they carry, or by the
/// addresses between which they went. One thread.
class HoldingRing {
 public:
  struct Limits {
    std::size_t bytes = std::size_t{16} << 20;
    std::int64_t age_ns = 5'000'000'000;
  };

  HoldingRing(Limits limits, FrameStore& frames) : limits_(limits), frames_(frames) {}

  /// A place in the ring, never used twice.
  using Place = std::uint64_t;

  /// Holds the frame.
  Place keep(FrameId frame, std::int64_t now_ns);
  /// The same for media that no call claims, to be found by take(endpoint).
  void keep_media(FrameId frame, const Endpoint& source, const Endpoint& destination, std::int64_t now_ns);

  /// Takes out what is there; the frames are still held, and release() of the store is the caller's.
  bool take(Place place, FrameId& frame);
  void take(const Endpoint& endpoint, std::vector<FrameId>& taken);

  void expire(std::int64_t now_ns);
  /// Places before this one are no more.
  [[nodiscard]] Place oldest() const { return first_; }
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  void clear();

 private:
  struct Entry {
    FrameId frame = 0;
    std::int64_t time_ns = 0;
    std::uint32_t bytes = 0;
    bool is_media = false;
    bool taken = false;
    Endpoint source, destination;  // of media
  };
  using Places = std::deque<Place>;

  Entry& at(Place place) { return entries_[static_cast<std::size_t>(place - first_)]; }
  void drop_oldest();
  void forget(const Endpoint& endpoint);

  const Limits limits_;
  FrameStore& frames_;
  std::deque<Entry> entries_;
  Place first_ = 0;  // of entries_.front()
  std::size_t bytes_ = 0;
  absl::flat_hash_map<Endpoint, Places, EndpointHash> media_;
};

}  // namespace lc::calls
