// Hands wanted frames on; what is said of the frame that is being looked at is gathered first.
#pragma once

#include <cstdint>

#include "common/calls/frame_store.h"
#include "common/calls/want.h"
#include "common/packet/decode.h"

namespace lc::calls {

/// Takes note of what is wanted. One thread.
class Judge {
 public:
  virtual ~Judge() = default;
  /// Wanted whole.
  virtual void want(FrameId frame, const Want& want) = 0;
  /// Wanted as media, to the extent that `want` says. `datagram`: where it was read from, to find the RTP header.
  virtual void want_media(FrameId frame, const Want& want, const packet::IpPacket& datagram) = 0;
  /// The same for a frame that waited.
  virtual void want_media(FrameId frame, const Want& want) = 0;
};

/// One thread.
class Forwarder final : public Judge {
 public:
  explicit Forwarder(FrameStore& frames) : frames_(frames) {}

  void set_outlet(Outlet* outlet) { outlet_ = outlet; }

  /// A frame that was judged without a place in the store, and is wanted whole.
  void pass_on(const packet::PacketView& frame, const Origin& origin, const Want& want) {
    outlet_->forward(frame, origin, want.encoded);
  }

  void begin(FrameId looked_at);
  void want(FrameId frame, const Want& want) override;
  void want_media(FrameId frame, const Want& want, const packet::IpPacket& datagram) override;
  void want_media(FrameId frame, const Want& want) override;
  /// Forwards the frame that was looked at, if something wanted it. `direct`: wants of this very frame alone, and not
  /// of the datagram that it ends.
  void conclude(const Want& direct, std::uint32_t link_type);

 private:
  void forward(FrameId frame, const Want& want, std::uint32_t keep);
  [[nodiscard]] std::uint32_t keep_of(const Want& direct, std::uint32_t link_type) const;

  FrameStore& frames_;
  Outlet* outlet_ = nullptr;
  FrameId looked_at_ = 0;
  bool looking_ = false;
  Want wanted_;  // of the frame that is looked at
  std::uint32_t keep_ = 0;
};

}  // namespace lc::calls
