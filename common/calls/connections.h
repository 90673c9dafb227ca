// TCP connections of which everything is wanted from now on.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <functional>

#include "common/calls/endpoint.h"
#include "common/calls/want.h"
#include "common/packet/decode.h"
#include "common/packet/tcp_streams.h"

namespace lc::calls {

/// A connection that a TLS, HTTP or mail filter matched. Bounded; idle ones go first. One thread.
class Connections {
 public:
  void follow(const packet::StreamEnds& ends, const Want& want, std::int64_t now_ns);
  /// Why this segment is wanted; null: it is not. Notes the connection's end.
  const Want* find(const packet::IpPacket& tcp, std::int64_t now_ns);
  void for_each(const std::function<void(Want&)>& visit);
  void expire(std::int64_t now_ns);

 private:
  using Key = std::pair<Endpoint, Endpoint>;  // the smaller one first
  struct Followed {
    Want want;
    std::int64_t last_ns = 0;
    int fins = 0;
    bool over = false;
  };
  static Key key(const packet::IpAddress& source, std::uint16_t source_port, const packet::IpAddress& destination,
                 std::uint16_t destination_port);

  static constexpr std::size_t kMost = 65'536;
  static constexpr std::int64_t kIdleNs = 600'000'000'000;
  static constexpr std::int64_t kOverNs = 2'000'000'000;  // the last acknowledgements

  absl::flat_hash_map<Key, Followed> connections_;
};

}  // namespace lc::calls
