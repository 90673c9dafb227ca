// One direction of a TCP connection for TcpStreams: its bytes in order, and the messages in them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <vector>

#include "common/packet/tcp_streams.h"

namespace lc::packet {

/// The signed way from one sequence number to another, which are never 2^31 apart (RFC 9293 section 3.4).
inline std::int32_t sequence_distance(std::uint32_t from, std::uint32_t to) {
  return static_cast<std::int32_t>(to - from);
}

struct TcpSegment {
  std::uint32_t sequence = 0;  // of the first byte
  std::span<const std::uint8_t> bytes;
  FrameId frame = 0;
  std::int64_t at_ns = 0;
  bool is_last = false;  // FIN

  [[nodiscard]] std::uint32_t end() const { return sequence + static_cast<std::uint32_t>(bytes.size()); }
};

/// What the streams of one TcpStreams share: its protocols, and the one place where frames are let go.
class StreamContext {
 public:
  StreamContext(std::vector<StreamProtocol> protocols, TcpStreams::Sink& sink);

  /// The protocol's frame(), with sizes that make sense and messages within max_message; the rest is kLost.
  [[nodiscard]] Framing frame(std::size_t protocol, std::span<const std::uint8_t> bytes) const;
  /// The first protocol that knows what begins here.
  [[nodiscard]] std::optional<std::size_t> recognise(std::span<const std::uint8_t> bytes) const;

  [[nodiscard]] TcpStreams::Sink& sink() const { return sink_; }
  /// Between the two, the frame is that of add(), of which the sink is not told when it is let go; end() tells whether
  /// it is still kept.
  void begin(FrameId frame);
  bool end();
  void release(FrameId frame);

  std::vector<FrameId> frames;  // room for those of a message

 private:
  std::vector<StreamProtocol> protocols_;
  TcpStreams::Sink& sink_;
  std::optional<FrameId> current_;
  bool is_kept_ = false;
};

/// Not lost: `protocol_` is known, and the place in the stream, base_, where its next message begins. Lost: the next
/// segment in which a protocol is recognised makes a new begin, and nothing is kept but the answers to messages. Each
/// frame given to add() is in one piece, or one early segment, or released.
class TcpStream {
 public:
  TcpStream(const StreamEnds& ends, std::uint32_t first_sequence, std::size_t protocol, StreamContext& context);

  void add(const TcpSegment& segment);
  /// Goes on behind the first gap. There must be one (waits_since_ns()).
  void skip_gap();
  /// Releases all frames; lost from then on.
  void give_up();
  /// give_up(), and is_ended().
  void end();

  [[nodiscard]] const StreamEnds& ends() const { return ends_; }
  [[nodiscard]] std::uint32_t first_sequence() const { return first_sequence_; }
  [[nodiscard]] bool is_lost() const { return !protocol_; }
  /// By FIN or end(), and nothing has begun anew since.
  [[nodiscard]] bool is_ended() const { return is_ended_ && is_lost(); }
  /// Sequence number behind the bytes that are in order. Without a meaning when lost.
  [[nodiscard]] std::uint32_t next_sequence() const { return base_ + static_cast<std::uint32_t>(bytes_.size()); }
  /// When the segment behind the first gap came; none: there is no gap.
  [[nodiscard]] std::optional<std::int64_t> waits_since_ns() const;
  /// From next_sequence() to the furthest segment behind a gap.
  [[nodiscard]] std::size_t reach() const;
  /// Bytes kept, with what keeping them takes; 0: no frame is kept.
  [[nodiscard]] std::size_t cost() const;

 private:
  struct Piece {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    FrameId frame = 0;
  };
  struct Early {
    TcpSegment segment;
    std::vector<std::uint8_t> bytes;  // what segment.bytes shows
  };
  struct Judged {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    std::uint32_t answer = 0;
  };
  static constexpr std::size_t kRemembered = 16;

  bool restart(const TcpSegment& segment);
  void hold(const TcpSegment& segment);
  std::span<const std::uint8_t> take(const TcpSegment& segment);
  bool join(const TcpSegment& segment);
  void settle(bool has_grown);
  std::size_t read(std::span<const std::uint8_t> view);
  std::size_t resynchronise(std::span<const std::uint8_t> view, std::size_t at);
  void deliver(std::span<const std::uint8_t> message, std::uint32_t begin);
  void consume(std::size_t size);
  void drop_bytes();
  void drop_first_early();
  [[nodiscard]] bool is_in_too_many_pieces(std::size_t at) const;
  [[nodiscard]] std::span<const Judged> remembered() const;
  void tell_repeats(const TcpSegment& segment) const;

  StreamEnds ends_;
  std::uint32_t first_sequence_;
  std::uint32_t base_;  // sequence number of the first byte that is not consumed
  std::optional<std::size_t> protocol_;
  bool is_ended_ = false;
  std::vector<std::uint8_t> bytes_;  // from base_ on
  std::vector<Piece> pieces_;        // the segments with bytes behind base_, by their begin
  std::list<Early> early_;           // behind the first gap, by their begin
  std::size_t early_bytes_ = 0;
  std::array<Judged, kRemembered> judged_{};  // a ring
  std::size_t judged_count_ = 0;
  StreamContext& context_;
};

}  // namespace lc::packet
