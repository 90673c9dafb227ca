// Where packets come from: a live interface or a capture file.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/packet/packet.h"

namespace lc::capture {

/// Cumulative since the source was made, over all its reopenings. Any thread may read a source's stats() while its
/// thread captures.
struct SourceStats {
  std::uint64_t kernel_dropped = 0;     // pcap_stats ps_drop: no room in the kernel's ring
  std::uint64_t interface_dropped = 0;  // pcap_stats ps_ifdrop
};

enum class ReadState {
  kReading,  // more may come: wait for poll_fd()
  kEnded,    // the file's regular end
  kDown,     // the interface went down or away: call dispatch() again later (the source reopens by itself)
  kFailed,   // cannot go on: see error
};

struct ReadOutcome {
  std::uint32_t packets = 0;  // handed over by this call; packets before an error count
  ReadState state = ReadState::kReading;
  std::string error;  // with kDown and kFailed: one line that names the source
};

/// Called for each packet on the capturing thread; the bytes are lent until it returns.
using PacketConsumer = std::function<void(const packet::PacketView&)>;

/// One thread, but for stats() and set_filter().
class PacketSource {
 public:
  virtual ~PacketSource() = default;

  /// Hands over at most `max_packets` packets that are there now; never blocks.
  virtual ReadOutcome dispatch(std::uint32_t max_packets, const PacketConsumer& consumer) = 0;

  /// Readable when dispatch() may find packets; -1 when it always may (a file). May change after kDown.
  [[nodiscard]] virtual int poll_fd() const = 0;

  /// LINKTYPE_ value of the packets that the last dispatch() gave.
  [[nodiscard]] virtual std::uint32_t link_type() const = 0;

  [[nodiscard]] virtual const std::string& name() const = 0;  // interface name or path
  [[nodiscard]] virtual bool is_live() const = 0;
  [[nodiscard]] virtual SourceStats stats() const = 0;
  /// Brings stats() up to date while nothing is dispatched.
  virtual void refresh_stats() {}

  /// Any thread: the filter (libpcap expression, empty = everything) that dispatch() has in force from its next call
  /// on. A bad one is refused with libpcap's words, and the old one stays.
  virtual Status set_filter(const std::string& expression) = 0;
};

}  // namespace lc::capture
