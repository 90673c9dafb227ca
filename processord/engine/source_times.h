// The time at each hunter, as its packets tell it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/calls/packet_clock.h"

namespace lc::processor {

/// A hunter's packets go by their own times, be they of a file or kept during an outage; between them its clock is
/// taken to go on like ours. One thread.
class SourceTimes {
 public:
  /// The hunter's number, from 1 on.
  std::uint32_t index_of(std::string_view hunter_id) {
    const auto [found, is_new] = indices_.try_emplace(std::string(hunter_id), 0);
    if (is_new) {
      found->second = static_cast<std::uint32_t>(indices_.size());
      sources_.resize(indices_.size() + 1);
      sources_.back().hunter_id = hunter_id;
    }
    return found->second;
  }
  [[nodiscard]] const std::string& hunter_id(std::uint32_t index) const { return sources_[index].hunter_id; }

  /// The time of a packet, such that those of all hunters can be compared. `interface`: index in its batch.
  std::int64_t time_of(std::uint32_t index, std::uint32_t interface, std::int64_t timestamp_ns) {
    const std::int64_t now_ns = clock_.time_of(index * kInterfaces + interface % kInterfaces, timestamp_ns);
    sources_[index].last_ns = std::max(sources_[index].last_ns, now_ns);
    return now_ns;
  }
  void seen(std::uint32_t index, std::int64_t wall_ns) { sources_[index].seen_ns = wall_ns; }

  struct Times {
    std::vector<std::int64_t> of_source;  // by number; 0: not known
    std::int64_t earliest = std::numeric_limits<std::int64_t>::max();
  };
  [[nodiscard]] Times now(std::int64_t wall_ns) const {
    Times times;
    times.of_source.resize(sources_.size());
    for (std::size_t index = 0; index < sources_.size(); ++index) {
      const Source& source = sources_[index];
      if (source.last_ns == 0) continue;
      const std::int64_t there = source.last_ns + std::max<std::int64_t>(0, wall_ns - source.seen_ns);
      times.of_source[index] = there;
      times.earliest = std::min(times.earliest, there);
    }
    return times;
  }

 private:
  struct Source {
    std::string hunter_id;
    std::int64_t last_ns = 0;
    std::int64_t seen_ns = 0;  // our time
  };

  // A hunter may read several files, each of a time of its own.
  static constexpr std::uint32_t kInterfaces = 16;
  // Hunters send some packets behind later ones: when it turns out that they were wanted, which takes five seconds.
  static constexpr std::int64_t kBackNs = 10'000'000'000;

  std::unordered_map<std::string, std::uint32_t> indices_;
  std::vector<Source> sources_{Source()};  // number 0 is nobody's
  calls::PacketClock clock_{kBackNs};
};

}  // namespace lc::processor
