// From captured frames to the messages that filters look into: tunnels, fragments, TCP streams.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/calls/frame_store.h"
#include "common/packet/decode.h"
#include "common/packet/reassembly.h"
#include "common/packet/sctp_messages.h"
#include "common/packet/tcp_streams.h"

namespace lc::calls {

/// Holds (FrameStore::hold) the frames whose messages are incomplete, and lets go of them afterwards. One thread.
class Dissector final : private packet::TcpStreams::Sink {
 public:
  static constexpr std::size_t kSctp = 1000;  // as the protocol of a user message of SCTP

  class Handler {
   public:
    virtual ~Handler() = default;
    /// An IP header of the frame, from the outermost inwards, before anything that is inside. `joined`: it was put
    /// together from fragments, for which `frame` stands.
    virtual void header(const packet::IpPacket& ip, FrameId frame, bool joined) = 0;
    /// What an innermost IP packet carries, if it is not TCP or SCTP: a whole datagram, or what is known of it. `frame`
    /// stands for all of its fragments.
    virtual void datagram(const packet::IpPacket& ip, FrameId frame) = 0;
    /// A message of a TCP stream, `protocol` as in the constructor, or kSctp. The answer comes back in repeated(), for
    /// TCP.
    virtual std::uint32_t message(std::size_t protocol, const packet::StreamEnds& ends,
                                  std::span<const std::uint8_t> bytes, std::span<const FrameId> frames) = 0;
    /// The frame repeats a message of a TCP stream.
    virtual void repeated(FrameId frame, std::uint32_t answer) = 0;
    /// A TCP segment, after what it completed.
    virtual void segment(const packet::IpPacket& tcp, FrameId frame) = 0;
  };

  Dissector(std::vector<packet::StreamProtocol> protocols, FrameStore& frames, Handler& handler);

  /// `frame` is the one that the store looks at.
  void add(FrameId frame, std::uint32_t link_type, std::int64_t now_ns);
  /// Gives up what has waited too long for its rest.
  void expire(std::int64_t now_ns);

 private:
  void walk_whole(const packet::Reassembler::Datagram& datagram, FrameId frame, int depth);
  void walk(const packet::IpPacket& ip, FrameId frame, int depth, bool joined);
  void given_up(const packet::Reassembler::Datagram& datagram);

  std::uint32_t message(std::size_t protocol, const packet::StreamEnds& ends, std::span<const std::uint8_t> bytes,
                        std::span<const FrameId> frames) override;
  void repeated(FrameId frame, std::uint32_t answer) override;
  void released(FrameId frame) override;

  FrameStore& frames_;
  Handler& handler_;
  packet::Reassembler reassembler_;
  packet::TcpStreams streams_;
  packet::SctpMessages sctp_;
  std::int64_t now_ns_ = 0;
  packet::StreamEnds sctp_ends_;
  std::optional<FrameId> adding_;  // to the streams, at this moment
};

}  // namespace lc::calls
