// What a live capture lets through: an expression, and never the node's own connections.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/filter/bpf.h"
#include "common/packet/packet.h"

namespace lc::capture {

/// A TCP connection that must not be captured, in neither direction. Addresses as text, IPv4 ones as such and not
/// mapped into IPv6; ports in host byte order. Without a remote end: all of those that the local one has.
struct Connection {
  std::string local;
  std::uint16_t local_port = 0;
  std::string remote;
  std::uint16_t remote_port = 0;

  bool operator==(const Connection&) const = default;
};

/// Decides twice: a program in the kernel keeps out as much as it can without ever losing a wanted packet, and wants()
/// is exact. The kernel alone could not be: it sees frames without their outer VLAN tag, and its ring may still hold
/// what an earlier program let in. Immutable.
class LiveFilter {
 public:
  /// An empty expression wants everything. Errors as filter::BpfFilter::compile(). Any thread.
  static Result<LiveFilter> compile(const std::string& expression, const std::vector<Connection>& excluded,
                                    std::uint32_t link_type, std::uint32_t snaplen);

  /// Puts the kernel's part on a packet socket in place of what was there, without a moment in between; if the kernel
  /// takes no such program (too long), wants() does all the work. Any thread.
  void attach(int packet_socket) const;

  [[nodiscard]] bool wants(const packet::PacketView& packet) const {
    return !(excluded_ && excluded_->matches(packet)) && (!wanted_ || wanted_->matches(packet));
  }

 private:
  std::optional<filter::BpfFilter> wanted_;
  std::optional<filter::BpfFilter> excluded_;
  std::vector<sock_filter> kernel_;
};

}  // namespace lc::capture
