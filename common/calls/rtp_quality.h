// How well one RTP stream arrives, from its packets as they are seen.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lc::calls {

/// One SSRC between two ends. Sequence numbers as in RFC 3550 appendix A.1 and A.3, jitter as in section 6.4.1 and
/// appendix A.8, over all packets but those whose timestamps say nothing of when they were sent (rtp_quality.cpp).
/// A packet costs no memory. One thread.
class RtpQuality {
 public:
  struct Report {
    std::uint64_t packets = 0;      // all, duplicates too
    std::uint64_t expected = 0;     // the different ones and the lost
    std::uint64_t lost = 0;         // that have not come until now
    std::uint64_t loss_bursts = 0;  // runs of lost packets
    std::uint64_t reordered = 0;    // came behind a packet that was sent later
    std::uint64_t duplicates = 0;
    double jitter_ms = 0;  // now; the mean and the largest of it so far
    double mean_jitter_ms = 0;
    double max_jitter_ms = 0;
    std::int64_t first_ns = 0;  // arrival
    std::int64_t last_ns = 0;
  };

  /// `clock_rate`: of `rtp_time`, in Hz; 0: not known, and the packet says nothing of jitter. `arrival_ns` since any
  /// moment.
  void add(std::uint16_t sequence, std::uint32_t rtp_time, std::uint8_t payload_type, bool marker,
           std::int64_t arrival_ns, std::uint32_t clock_rate);

  /// The observer passed over packets: what is missing before the next one may be its own fault, and is not counted.
  void resume();

  [[nodiscard]] Report report() const;

 private:
  static constexpr std::size_t kWindow = 128;  // RFC 3550's MAX_MISORDER is 100

  bool place(std::uint16_t sequence);
  void begin_at(std::uint16_t sequence);
  void advance(std::size_t ahead);
  void fill(std::size_t behind);
  void measure(std::uint32_t rtp_time, std::uint8_t payload_type, bool marker, std::int64_t arrival_ns,
               std::uint32_t clock_rate);

  std::uint64_t packets_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t loss_bursts_ = 0;
  std::uint64_t reordered_ = 0;
  std::uint64_t duplicates_ = 0;
  std::int64_t first_ns_ = 0;
  std::int64_t last_ns_ = 0;
  // By how far they lie behind the newest. A number that is neither was not expected: from before the first packet,
  // or passed over.
  std::bitset<kWindow> seen_;
  std::bitset<kWindow> missing_;
  double jitter_ms_ = 0;
  double jitter_sum_ms_ = 0;
  double max_jitter_ms_ = 0;
  std::uint64_t jitter_samples_ = 0;
  // The packet that the next one is compared with.
  std::int64_t before_ns_ = 0;
  std::uint32_t before_time_ = 0;
  std::uint32_t before_clock_ = 0;  // 0: there is none
  std::uint8_t before_type_ = 0;
  bool before_marker_ = false;
  bool passed_over_ = false;
  bool jumped_ = false;
  std::uint16_t behind_jump_ = 0;  // with jumped_: what would show that the sender began anew
  std::uint16_t newest_ = 0;
};

/// The mean opinion score that listeners would give, estimated by the E-model (ITU-T G.107) from loss, its burstiness
/// and jitter: 1 to 4.41. `codec` as SDP names it. 0: nothing is known of that codec, or it is no voice.
/// Assumed: receivers conceal losses, and buffer for twice the mean jitter. The delay of the network is not known and
/// taken as none, so that calls over long ways get more than they deserve.
double mos_estimate(std::string_view codec, const RtpQuality::Report& report);

}  // namespace lc::calls
