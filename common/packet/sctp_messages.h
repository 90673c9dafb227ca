// Finds user messages in SCTP packets (RFC 9260), and which captured frames carry each of them.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "common/packet/decode.h"
#include "common/packet/reassembly.h"

namespace lc::packet {

/// Joins the fragments of user messages, as long as their chunks come in the order of their numbers; a message whose
/// chunks do not is given up. Bounded in messages, bytes and time. One thread.
class SctpMessages {
 public:
  /// Valid until it returns. The frame given to add() may be among `frames`.
  using Found = std::function<void(std::span<const std::uint8_t> message, std::span<const FrameId> frames)>;
  /// A frame is kept in mind, or not any more: once each for every message that it carries a part of.
  using Noted = std::function<void(FrameId)>;

  SctpMessages(Found found, Noted held, Noted released)
      : found_(std::move(found)), held_(std::move(held)), released_(std::move(released)) {}

  /// `packet` must be SCTP with has_transport.
  void add(const IpPacket& packet, FrameId frame, std::int64_t now_ns);
  /// Gives up what has waited too long for its rest.
  void expire(std::int64_t now_ns);

 private:
  struct Key {
    IpAddress source, destination;
    std::uint32_t ports = 0;
    std::uint16_t stream = 0;
    bool unordered = false;
    bool operator==(const Key&) const = default;
    template <typename H>
    friend H AbslHashValue(H state, const Key& key) {
      const auto from = key.source.bytes();
      const auto to = key.destination.bytes();
      state = H::combine_contiguous(std::move(state), from.data(), from.size());
      state = H::combine_contiguous(std::move(state), to.data(), to.size());
      return H::combine(std::move(state), key.ports, key.stream, key.unordered);
    }
  };
  struct Partial {
    std::vector<std::uint8_t> bytes;
    std::vector<FrameId> frames;
    std::uint32_t next_number = 0;
    std::int64_t begun_ns = 0;
  };
  using Partials = absl::flat_hash_map<Key, Partial>;

  void chunk(const Key& key, std::uint8_t flags, std::uint32_t number, std::span<const std::uint8_t> data,
             FrameId frame, std::int64_t now_ns);
  void give_up(Partials::iterator partial);

  static constexpr std::size_t kMostPartials = 1024;
  static constexpr std::size_t kMostBytes = 64 * 1024;  // of one message
  static constexpr std::int64_t kAgeNs = 5'000'000'000;

  const Found found_;
  const Noted held_;
  const Noted released_;
  Partials partials_;
};

}  // namespace lc::packet
