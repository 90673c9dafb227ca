// Finds the messages of application protocols in TCP streams, and which captured frames carry each of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/packet/decode.h"
#include "common/packet/reassembly.h"

namespace lc::packet {

/// What a protocol makes of the bytes at its place in a stream.
struct Framing {
  enum class Kind {
    kMessage,  // the first `size` bytes are a message
    kMore,     // a message begins here, and ends behind what is there
    kSkip,     // the first `size` bytes (at least one) are of no interest; look again behind them
    kLost,     // nothing can be said: go on at the next segment that begins() accepts
  };
  Kind kind = Kind::kLost;
  std::size_t size = 0;
};

/// Pure functions; any thread.
struct StreamProtocol {
  /// Whether a message of this protocol begins here. Asked at the begin of each segment of a stream whose protocol is
  /// not known (so it must be quick), with all of the segment.
  bool (*begins)(std::span<const std::uint8_t> bytes);
  /// Asked at a place where a message may begin: where begins() said yes, behind a message or behind kSkip.
  Framing (*frame)(std::span<const std::uint8_t> bytes);
  std::size_t max_message = 64 * 1024;  // a longer one is given up, as kLost
};

/// Addresses and ports of one direction of a connection.
struct StreamEnds {
  IpAddress source;
  IpAddress destination;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  bool operator==(const StreamEnds&) const = default;
};

/// Each direction is a stream of its own; a stream needs no SYN: it begins at the first segment that a protocol's
/// begins() accepts. Segments are put in order by sequence number (bounded per stream and in total; a gap that is not
/// filled within a second of packet time, or by the bound, is skipped, and the protocol looks for its next message
/// behind it by frame(), which may skip). Streams end by RST, FIN, ten minutes of silence, or as the longest unused
/// when there are too many. One thread.
class TcpStreams {
 public:
  struct Limits {
    std::size_t streams = 65'536;               // of a recognised protocol
    std::size_t bytes = std::size_t{16} << 20;  // kept in all streams
    std::size_t stream_bytes = 256 * 1024;      // kept in one
  };

  class Sink {
   public:
    virtual ~Sink() = default;
    /// A message is complete. `protocol`: index in the constructor's list. `frames`: those that carry its bytes, in
    /// order of their bytes; the last of add() may be among them. The answer is remembered for repetitions of its
    /// segments.
    virtual std::uint32_t message(std::size_t protocol, const StreamEnds& ends, std::span<const std::uint8_t> bytes,
                                  std::span<const FrameId> frames) = 0;
    /// The frame given to add() repeats bytes of messages that are judged already (several: one call for each; the last
    /// 16 messages or so of a stream are remembered).
    virtual void repeated(FrameId frame, std::uint32_t answer) = 0;
    /// No message will name this frame any more. Called once for each frame for which add() answered true (those that
    /// are still kept at the end: by expire() with the largest time).
    virtual void released(FrameId frame) = 0;
  };

  TcpStreams(std::vector<StreamProtocol> protocols, Limits limits, Sink& sink);
  ~TcpStreams();

  /// `segment` must be TCP with has_transport; one without payload may end streams. True: the frame is kept in mind, it
  /// may be named by a later message() and released() will be called for it. False: it is not, or not any more
  /// (message() and repeated() may have named it within this call), and released() is not called. Payloads that are cut
  /// short by the snapshot length leave a gap.
  bool add(const IpPacket& segment, FrameId frame, std::int64_t now_ns);

  /// Lets go what has waited too long. Cheap when there is nothing.
  void expire(std::int64_t now_ns);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lc::packet
