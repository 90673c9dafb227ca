// Captured frames whose fate is not decided yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "common/packet/packet.h"
#include "common/packet/reassembly.h"

namespace lc::calls {

using packet::FrameId;

/// Where a frame came from.
struct Origin {
  std::uint32_t interface = 0;  // index of the capturing loop
  std::uint32_t link_type = 0;
  std::uint64_t ticket = 0;  // whatever whoever looks at it knows it by
};

/// Where wanted frames go.
class Outlet {
 public:
  virtual ~Outlet() = default;
  /// `matched`: the ids of the filters that want it, as the fields matched_filter_ids of a CapturedPacket are encoded.
  virtual void forward(const packet::PacketView& frame, const Origin& origin,
                       std::span<const std::uint8_t> matched) = 0;
};

/// A frame is judged once: forwarded with the first "wanted", or dropped when nobody holds it any more. The frame that
/// is being looked at is borrowed from its source, and copied only if somebody holds it beyond the look. One thread.
class FrameStore {
 public:
  using LetGo = std::function<void(const Origin&)>;
  /// `let_go` is told of each frame that nobody holds any more.
  explicit FrameStore(LetGo let_go = {}) : let_go_(std::move(let_go)) {}

  /// Begins the look at a frame; `frame` must stay valid until finish().
  FrameId begin(const packet::PacketView& frame, const Origin& origin);
  void finish();

  void hold(FrameId id);
  void release(FrameId id);
  /// A frame that was judged without a place here is not wanted.
  void count_dropped() { ++dropped_; }
  /// Whoever forwards `id` forwards these first: fragments of one datagram, of which `id` is the last. Holds them as
  /// long as `id` lives. Fragments in fragments beyond kMaxDepth are left out: nobody has reason to send them.
  void bundle(FrameId id, std::span<const FrameId> fragments);

  /// Forwards what has not been forwarded yet. `keep`: bytes of the frame that are handed on, from its begin.
  void forward(FrameId id, std::span<const std::uint8_t> matched, Outlet& outlet, std::uint32_t keep = kAll);
  /// The same without what is bundled with it.
  void forward_alone(FrameId id, std::span<const std::uint8_t> matched, Outlet& outlet, std::uint32_t keep = kAll);
  [[nodiscard]] const Origin& origin(FrameId id) const { return at(id).origin; }
  [[nodiscard]] const packet::PacketView& view(FrameId id) const { return at(id).view; }
  [[nodiscard]] bool forwarded(FrameId id) const { return at(id).forwarded; }
  [[nodiscard]] std::span<const FrameId> bundled(FrameId id) const { return at(id).bundle; }

  /// Frames dropped as not wanted, and bytes of frames that wait.
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }
  [[nodiscard]] std::size_t held_bytes() const { return held_bytes_; }
  [[nodiscard]] std::size_t held_frames() const { return frames_.size() - free_.size(); }

  static constexpr std::uint8_t kMaxDepth = 4;
  static constexpr std::uint32_t kAll = 0xffff'ffff;

 private:
  struct Frame {
    packet::PacketView view;
    Origin origin;
    std::uint32_t holders = 0;
    bool forwarded = false;
    std::unique_ptr<std::uint8_t[]> bytes;  // null: borrowed, or not needed any more
    std::vector<FrameId> bundle;
    std::uint8_t depth = 0;  // of bundles in bundles
  };

  Frame& at(FrameId id) { return frames_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] const Frame& at(FrameId id) const { return frames_[static_cast<std::size_t>(id)]; }
  void drop(FrameId id);
  void free_bytes(Frame& frame);

  const LetGo let_go_;
  std::vector<Frame> frames_;
  std::vector<FrameId> free_;
  FrameId current_ = 0;
  std::uint64_t dropped_ = 0;
  std::size_t held_bytes_ = 0;
};

}  // namespace lc::calls
