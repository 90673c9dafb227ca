#include "common/calls/connections.h"

namespace lc::calls {
namespace {

constexpr std::uint16_t kFin = 0x001;
constexpr std::uint16_t kReset = 0x004;

}  // namespace

Connections::Key Connections::key(const packet::IpAddress& source, std::uint16_t source_port,
                                  const packet::IpAddress& destination, std::uint16_t destination_port) {
  const bool in_order = source != destination ? source < destination : source_port <= destination_port;
  const Endpoint a{source, source_port};
  const Endpoint b{destination, destination_port};
  return in_order ? Key(a, b) : Key(b, a);
}

void Connections::follow(const packet::StreamEnds& ends, const Want& want, std::int64_t now_ns) {
  if (connections_.size() >= kMost) connections_.erase(connections_.begin());  // any: all were in use just now
  Followed& followed = connections_[key(ends.source, ends.source_port, ends.destination, ends.destination_port)];
  followed.want.add(want);
  followed.last_ns = now_ns;
}

const Want* Connections::find(const packet::IpPacket& tcp, std::int64_t now_ns) {
  if (connections_.empty()) return nullptr;
  const auto found = connections_.find(key(tcp.source, tcp.source_port, tcp.destination, tcp.destination_port));
  if (found == connections_.end()) return nullptr;
  Followed& followed = found->second;
  followed.last_ns = now_ns;
  if ((tcp.tcp.flags & kReset) != 0 || ((tcp.tcp.flags & kFin) != 0 && ++followed.fins > 1)) followed.over = true;
  return followed.want.any() ? &followed.want : nullptr;
}

void Connections::for_each(const std::function<void(Want&)>& visit) {
  for (auto& [key, followed] : connections_) visit(followed.want);
}

void Connections::expire(std::int64_t now_ns) {
  absl::erase_if(connections_, [now_ns](const auto& entry) {
    const Followed& followed = entry.second;
    return !followed.want.any() || now_ns - followed.last_ns > (followed.over ? kOverNs : kIdleNs);
  });
}

}  // namespace lc::calls
