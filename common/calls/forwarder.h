// Hands wanted frames on; what is said of the frame that is being looked at is gathered first.
#pragma once

#include <cstdint>

#include "common/calls/frame_store.h"
#include "common/calls/want.h"
#include "common/packet/decode.h"

namespace lc::calls {

/// One thread.
class Forwarder {
 public:
  explicit Forwarder(FrameStore& frames) : frames_(frames) {}

  void set_outlet(Outlet* outlet) { outlet_ = outlet; }

  void begin(FrameId looked_at);
  /// Wanted whole.
  void want(FrameId frame, const Want& want);
  /// Wanted as media, to the extent that `want` says. `datagram`: where it was read from, to find the RTP header.
  void want_media(FrameId frame, const Want& want, const packet::IpPacket& datagram);
  /// The same for a frame that waited.
  void want_media(FrameId frame, const Want& want);
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
