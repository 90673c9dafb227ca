// One time for packets of several sources.
#pragma once

#include <cstdint>
#include <vector>

namespace lc::calls {

/// Sources that were captured together keep their times. One that lies more than an hour from what was seen before (a
/// file of another year beside an interface) is moved to where the others are, and one whose time jumps back (a file
/// that is read again) goes on a minute later. One thread.
class PacketClock {
 public:
  /// `back_ns`: how far times may lie behind others of the same source without being another time.
  explicit PacketClock(std::int64_t back_ns = 2'000'000'000) : back_ns_(back_ns) {}

  std::int64_t time_of(std::uint32_t source, std::int64_t timestamp_ns) {
    if (source >= sources_.size()) sources_.resize(source + 1);
    Source& one = sources_[source];
    if (!one.known) {
      one.known = true;
      const bool is_far = any_ && (timestamp_ns > latest_ + kFarNs || timestamp_ns < latest_ - kFarNs);
      one.offset = is_far ? latest_ - timestamp_ns : 0;
    } else if (timestamp_ns + one.offset < one.last - back_ns_) {
      one.offset = one.last + kAgainNs - timestamp_ns;
    }
    one.last = timestamp_ns + one.offset;
    latest_ = one.last;
    any_ = true;
    return one.last;
  }

 private:
  struct Source {
    bool known = false;
    std::int64_t offset = 0;
    std::int64_t last = 0;
  };

  static constexpr std::int64_t kFarNs = 3'600'000'000'000;
  // So that the same calls come as new ones: what belongs together is over after half a minute.
  static constexpr std::int64_t kAgainNs = 60'000'000'000;

  const std::int64_t back_ns_;
  std::vector<Source> sources_;
  std::int64_t latest_ = 0;
  bool any_ = false;
};

}  // namespace lc::calls
