// The balance: every packet a node received is forwarded, stored, filtered, dropped for one of these reasons, or in
// flight.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lc {

/// The closed list of reasons; the names are what heartbeats, status and --stats show.
enum class DropReason : std::size_t {
  kKernel,        // the kernel's capture ring was full
  kInterface,     // the network interface dropped before the kernel's ring saw it
  kQueue,         // no room in a queue of this node
  kSpoolFull,     // the spool had reached its bound
  kSpoolDamaged,  // a record of the spool could not be read back
  kDiskError,     // a write failed and the packet could not be kept
  kOversize,      // larger than a message may be
  kMalformed,     // not a packet: impossible lengths
};
inline constexpr std::size_t kDropReasons = 8;

constexpr std::string_view name_of(DropReason reason) {
  constexpr std::array<std::string_view, kDropReasons> kNames = {
      "kernel", "interface", "queue", "spool_full", "spool_damaged", "disk_error", "oversize", "malformed"};
  return kNames[static_cast<std::size_t>(reason)];
}

/// Counters by reason. Any thread; each counter is exact, the array as a whole is not a snapshot.
class DropCounters {
 public:
  void add(DropReason reason, std::uint64_t packets) {
    counts_[static_cast<std::size_t>(reason)].fetch_add(packets, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t of(DropReason reason) const {
    return counts_[static_cast<std::size_t>(reason)].load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t total() const {
    std::uint64_t sum = 0;
    for (const auto& count : counts_) sum += count.load(std::memory_order_relaxed);
    return sum;
  }

 private:
  std::array<std::atomic<std::uint64_t>, kDropReasons> counts_{};
};

}  // namespace lc
