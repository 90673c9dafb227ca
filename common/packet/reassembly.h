// Puts IP fragments together (RFC 791 section 3.2, RFC 8200 section 4.5).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "common/packet/decode.h"

namespace lc::packet {

/// How the owner knows a captured frame; used by what has to wait for other frames before it can judge one.
using FrameId = std::uint64_t;

/// Holds the fragments of each datagram until the datagram is whole, or its time is up. Bounded in bytes and datagrams;
/// beyond, the oldest are given up. Overlapping fragments: what came first stays. One thread.
class Reassembler {
 public:
  struct Limits {
    std::size_t bytes = std::size_t{8} << 20;
    std::size_t datagrams = 4096;
    std::int64_t age_ns = 5'000'000'000;  // by the packets' own times
  };
  struct Datagram {
    IpPacket ip;  // as decode_ipv4/decode_ipv6 would have read the unfragmented packet's headers; payload is whole, or
                  // (whole == false) what there is from its begin on without a gap; header_offset has no meaning
    DecodeEnd end = DecodeEnd::kComplete;
    bool whole = false;
    std::span<const FrameId> frames;  // of its fragments, in order of arrival
  };
  /// Called for a datagram that was given up (incomplete), from within add(), expire() and the destructor's owner's
  /// last call of expire(); valid until it returns.
  using GivenUp = std::function<void(const Datagram&)>;

  Reassembler(Limits limits, GivenUp given_up);
  ~Reassembler();

  /// `fragment` must be one (is_fragment()). The whole datagram when it completes it, valid until the next call; else
  /// null: the fragment is kept, its bytes copied. A late copy of a fragment of a datagram that was completed within
  /// the last seconds gives null too, and begins a datagram of its own.
  /// `place`: where it was captured; what passed two interfaces is two datagrams, each with its own frames.
  const Datagram* add(const IpPacket& fragment, FrameId frame, std::int64_t now_ns, std::uint32_t place = 0);

  /// Gives up what is older than the limit. Cheap when there is nothing.
  void expire(std::int64_t now_ns);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lc::packet
