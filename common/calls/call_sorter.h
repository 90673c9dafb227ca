// Which call each captured frame belongs to: the rules of Selector, with every call wanted for itself.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "common/calls/call_follower.h"
#include "common/calls/dissector.h"
#include "common/calls/frame_store.h"

namespace lc::calls {

/// What the caller knows a frame by.
using Ticket = std::uint64_t;

/// One thread. Frames that wait for their call or the rest of their message are copied.
class CallSorter final : private Dissector::Handler, private Judge, private CallObserver {
 public:
  /// Where and when something was captured, and between which addresses it went.
  struct Context {
    std::uint32_t source = 0;
    std::int64_t time_ns = 0;  // as the frame has it
    Endpoint from, to;
  };
  enum class Part : std::uint8_t { kSignalling, kMedia };

  class Listener {
   public:
    virtual ~Listener() = default;
    /// A SIP message, and what the table has made of it; `sdp` may be null. Whether its Call-ID is that of a call.
    virtual bool signalling(const Call& call, CallIndex index, const sip::Message& message, const sip::Sdp* sdp,
                            const Context& context) = 0;
    /// A datagram of a call's media, in the order of arrival; not those that came before their call was known. `note`
    /// and the answer: as CallObserver::media().
    virtual StreamMemo::Note media(CallIndex call, std::span<const std::uint8_t> datagram, const Context& context,
                                   StreamMemo::Note note) = 0;
    /// The call is over and forgotten; its index may be another's.
    virtual void removed(CallIndex call) = 0;
    // kSort only:
    /// The frame is the call's. May be said of one frame several times, for the same call too.
    virtual void belongs(Ticket frame, CallIndex call, Part part) = 0;
    /// Everything is said of the frame.
    virtual void settled(Ticket frame) = 0;
    /// media() will soon be asked with this note.
    virtual void expect(StreamMemo::Note note) = 0;
  };

  /// kWatch: nobody asks whose a frame is, so none is kept for a call that may still claim it.
  enum class Purpose { kSort, kWatch };
  explicit CallSorter(Listener& listener, Purpose purpose = Purpose::kSort);

  /// A frame that will be looked at, as far as it was read beforehand.
  struct Coming {
    PlainDatagram datagram;
    bool is_plain = false;
  };
  /// Two steps ahead of look(), so that what is known of the frame's stream comes from memory while others are looked
  /// at: coming(), and a few frames later expect().
  [[nodiscard]] Coming coming(const packet::PacketView& frame, std::uint32_t link_type) const;
  void expect(const Coming& coming);

  /// `source`: whose packets' time it is; `interface`: one of all sources; `now_ns`: PacketClock's time of the frame;
  /// `coming`: what coming() gave of this frame.
  void look(const packet::PacketView& frame, std::uint32_t link_type, std::uint32_t source, std::uint32_t interface,
            std::int64_t now_ns, Ticket ticket, const Coming& coming);
  void look(const packet::PacketView& frame, std::uint32_t link_type, std::uint32_t source, std::uint32_t interface,
            std::int64_t now_ns, Ticket ticket) {
    look(frame, link_type, source, interface, now_ns, ticket, coming(frame, link_type));
  }

  /// Ends what is over by the time of each source (0: not known), and gives up what has waited too long by the time
  /// of all.
  void sweep(std::span<const std::int64_t> now_ns, std::int64_t earliest_ns);
  /// Settles everything that waits by what is there.
  void finish();

  [[nodiscard]] const CallTable& table() const { return calls_.table(); }

 private:
  bool look_shortly(const packet::PacketView& frame, const PlainDatagram& datagram, std::uint32_t source,
                    Ticket ticket);
  void datagram(const packet::IpPacket& ip, FrameId frame) override;
  std::uint32_t message(std::size_t protocol, const packet::StreamEnds& ends, std::span<const std::uint8_t> bytes,
                        std::span<const FrameId> frames) override;
  void repeated(FrameId frame, std::uint32_t answer) override { calls_.repeated(frame, answer); }
  void header(const packet::IpPacket&, FrameId, bool) override {}
  void segment(const packet::IpPacket&, FrameId) override {}

  void want(FrameId frame, const Want& want) override { mark_all(frame, want, Part::kSignalling); }
  void want_media(FrameId frame, const Want& want, const packet::IpPacket&) override { want_media(frame, want); }
  void want_media(FrameId frame, const Want& want) override { mark_all(frame, want, Part::kMedia); }
  void mark_all(FrameId frame, const Want& want, Part part);
  void mark(FrameId frame, CallIndex call, Part part);

  bool signalling(CallIndex call, const sip::Message& message, const sip::Sdp* sdp, FrameId frame) override;
  StreamMemo::Note media(CallIndex call, const packet::IpPacket& udp, FrameId frame, StreamMemo::Note note) override;
  void removed(CallIndex call) override { listener_.removed(call); }
  [[nodiscard]] bool waits() const override { return purpose_ == Purpose::kSort; }
  [[nodiscard]] Context context_of(FrameId frame) const;

  Listener& listener_;
  const Purpose purpose_;
  FrameStore frames_;
  CallFollower calls_;
  Dissector dissector_;
  std::vector<std::uint32_t> source_of_;  // by interface
  Endpoint from_, to_;                    // of the message that is read
  std::vector<std::uint8_t> unmasked_;
  std::int64_t next_expiry_ns_ = 0;
};

}  // namespace lc::calls
