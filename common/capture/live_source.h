// Packets from a network interface, through libpcap and the kernel's memory-mapped ring (TPACKET_V3).
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/guarded.h"
#include "common/capture/live_filter.h"
#include "common/capture/packet_source.h"

struct pcap;

namespace lc::capture {

struct LiveOptions {
  std::string filter{};
  std::uint32_t snaplen = packet::kMaxPacketBytes;  // bytes kept of each packet; 0 and more than this mean this
  bool promiscuous = true;
  /// The kernel's ring. It comes in blocks of 256 KiB, and a block is handed over 2 ms after its first packet, however
  /// little it holds: 16 MiB bridge 128 ms in which nobody reads, or less when they are filled sooner.
  std::uint64_t kernel_buffer_bytes = 16U << 20;
};

/// One interface, or `any` (all of this network namespace, as LINUX_SLL2, without promiscuous mode).
///
/// Timestamps are the kernel's. On `lo`, and on `any` over it, the kernel shows each packet going out and coming in;
/// libpcap leaves out the first. On `any` a packet that passes several devices (a bridge and its port, a VLAN device
/// and the device below) is there once for each of them, and without its outer VLAN tag, which libpcap puts back on an
/// interface of its own but not into this link type. Double-tagged traffic wants its interface named: since Linux 6.10
/// `any` shows the second tag under the type of what stands behind it, so no filter finds the IP header.
///
/// An interface that goes down or away gives kDown until it is back; dispatch() has to be called every 100 ms or so
/// then, and opens it again if needed: at first after 100 ms, later every second. A renamed interface is followed as
/// long as it stays up; after that the name counts.
class LiveSource final : public PacketSource {
 public:
  /// Gives kNotFound with the names there are, kPermissionDenied, or kInvalidArgument for a bad filter. An interface
  /// that is down is no error: dispatch() says so.
  static Result<std::unique_ptr<LiveSource>> open(const std::string& interface, LiveOptions options);
  ~LiveSource() override;

  /// The consumer must not throw: libpcap is between it and here.
  ReadOutcome dispatch(std::uint32_t max_packets, const PacketConsumer& consumer) override;
  /// -1 while there is no interface to wait for.
  [[nodiscard]] int poll_fd() const override;
  [[nodiscard]] std::uint32_t link_type() const override { return link_type_; }
  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] bool is_live() const override { return true; }
  /// As of the last dispatch(), or up to 100 ms before it.
  [[nodiscard]] SourceStats stats() const override;
  void refresh_stats() override;
  /// No packet that both filters want is lost by the change.
  Status set_filter(const std::string& expression) override;

  /// Any thread, and in force when set_filter() would be: the node's own connections, in place of those of the last
  /// call. On a link type on which libpcap finds no addresses it is logged that they are captured too.
  void exclude(std::vector<Connection> connections);

 private:
  enum class Link { kUp, kDown, kGone };
  using Handle = std::unique_ptr<pcap, void (*)(pcap*)>;

  LiveSource(std::string name, LiveOptions options);

  Status open_handle();
  void close_handle();
  bool reopen();
  Status compile_filter(const std::string& expression, const std::vector<Connection>& excluded);
  void apply_filter();
  [[nodiscard]] Link link() const;
  ReadOutcome idle(ReadOutcome outcome, bool failed);
  void read_stats();

  const std::string name_;
  LiveOptions options_;  // fixed after construction

  // The capturing thread's.
  Handle handle_;
  std::uint32_t link_type_ = packet::kEthernet;
  bool nanoseconds_ = true;
  unsigned interface_index_ = 0;  // 0: `any`
  std::shared_ptr<const LiveFilter> filter_;
  std::string fault_;               // why there are no packets
  Clock::time_point next_attempt_;  // to open, without a handle
  Clock::duration retry_delay_{};
  Clock::time_point close_at_;  // set once the interface is gone: until then its last packets may leave the ring
  Clock::time_point stats_due_;
  std::array<std::uint32_t, 2> seen_{};  // libpcap's counters of this handle, which start at 0 and wrap at 2^32

  // Any thread.
  std::atomic<std::uint64_t> kernel_dropped_{0};
  std::atomic<std::uint64_t> interface_dropped_{0};
  Guarded<std::shared_ptr<const LiveFilter>> next_filter_;  // for the next dispatch() to put in force

  std::mutex change_;  // one change of the filter at a time; guards what follows
  std::string expression_;
  std::vector<Connection> excluded_;
  std::uint32_t filter_link_type_ = packet::kEthernet;
};

}  // namespace lc::capture
