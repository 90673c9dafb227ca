// What makes jitter out of timestamps that do not say when a packet was sent is left out:
// - of an event (RFC 4733) all packets have its begin, so only the first is compared, if its payload type is the same;
// - silence: some senders stop their clock in it, so the first packet of a talkspurt, which has the marker (RFC 3551
//   section 4.1), is not compared; where every packet has the marker it means nothing, and in video the end of a frame;
// - payload types and clocks that change, comfort noise (RFC 3389) among them: not compared with what was before;
// - a sender that sets its clock, seen as a leap that no jitter makes;
// - duplicates, and packets of another sequence.
// The packets of a video frame have one timestamp as well; RFC 3550 counts what pacing makes of that as jitter.
#include "common/calls/rtp_quality.h"

#include <algorithm>
#include <cmath>

namespace lc::calls {
namespace {

constexpr std::uint16_t kMaxDropout = 3000;  // RFC 3550 appendix A.1
constexpr std::uint32_t kVideoClock = 90'000;
constexpr double kLeapMs = 2000;

static_assert(sizeof(RtpQuality) <= 176);

}  // namespace

void RtpQuality::add(std::uint16_t sequence, std::uint32_t rtp_time, std::uint8_t payload_type, bool marker,
                     std::int64_t arrival_ns, std::uint32_t clock_rate) {
  if (packets_ == 0) {
    first_ns_ = last_ns_ = arrival_ns;
    begin_at(sequence);
  }
  first_ns_ = std::min(first_ns_, arrival_ns);  // several interfaces' clocks may cross
  last_ns_ = std::max(last_ns_, arrival_ns);
  ++packets_;
  if (packets_ == 1 || place(sequence)) measure(rtp_time, payload_type, marker, arrival_ns, clock_rate);
}

void RtpQuality::resume() {
  passed_over_ = packets_ != 0;
  jumped_ = false;
  before_clock_ = 0;
}

void RtpQuality::begin_at(std::uint16_t sequence) {
  newest_ = sequence;
  seen_.reset();
  missing_.reset();
  seen_.set(0);
  before_clock_ = 0;
}

// Whether the packet is a new one of the sequence.
bool RtpQuality::place(std::uint16_t sequence) {
  const auto ahead = static_cast<std::uint16_t>(sequence - newest_);
  const auto behind = static_cast<std::uint16_t>(newest_ - sequence);
  if (behind < kWindow) {
    if (seen_[behind]) {
      ++duplicates_;
      return false;
    }
    ++reordered_;
    fill(behind);
  } else if (ahead < kMaxDropout || passed_over_) {
    advance(ahead);
    newest_ = sequence;
  } else if (jumped_ && sequence == behind_jump_) {
    begin_at(sequence);
    seen_.set(1);
  } else {
    jumped_ = true;
    behind_jump_ = static_cast<std::uint16_t>(sequence + 1);
    return false;
  }
  jumped_ = false;
  return true;
}

void RtpQuality::advance(std::size_t ahead) {
  seen_ <<= ahead;
  missing_ <<= ahead;
  seen_.set(0);
  if (ahead > 1 && !passed_over_) {
    lost_ += ahead - 1;
    ++loss_bursts_;
    for (std::size_t i = 1; i < std::min(ahead, kWindow); ++i) missing_.set(i);
  }
  passed_over_ = false;
}

// A late packet makes a burst of losses shorter, splits it, or ends it.
void RtpQuality::fill(std::size_t behind) {
  seen_.set(behind);
  if (!missing_[behind]) return;
  missing_.reset(behind);
  --lost_;
  const bool newer = missing_[behind - 1];
  const bool older = behind + 1 < kWindow && missing_[behind + 1];
  if (newer && older) ++loss_bursts_;
  if (!newer && !older) --loss_bursts_;
}

void RtpQuality::measure(std::uint32_t rtp_time, std::uint8_t payload_type, bool marker, std::int64_t arrival_ns,
                         std::uint32_t clock_rate) {
  if (clock_rate == 0) return;
  const bool is_video = clock_rate == kVideoClock;
  const bool same_kind = before_clock_ == clock_rate && before_type_ == payload_type;
  if (same_kind && before_time_ == rtp_time && !is_video) return;
  const bool talkspurt = marker && !before_marker_ && !is_video;
  if (same_kind && !talkspurt) {
    const auto ticks = static_cast<std::int32_t>(rtp_time - before_time_);
    const double sent_ms = 1e3 * ticks / clock_rate;
    const double difference_ms = std::abs(static_cast<double>(arrival_ns - before_ns_) / 1e6 - sent_ms);
    if (difference_ms < kLeapMs) {
      jitter_ms_ += (difference_ms - jitter_ms_) / 16;
      jitter_sum_ms_ += jitter_ms_;
      max_jitter_ms_ = std::max(max_jitter_ms_, jitter_ms_);
      ++jitter_samples_;
    }
  }
  before_ns_ = arrival_ns;
  before_time_ = rtp_time;
  before_clock_ = clock_rate;
  before_type_ = payload_type;
  before_marker_ = marker;
}

RtpQuality::Report RtpQuality::report() const {
  Report report;
  report.packets = packets_;
  report.expected = packets_ - duplicates_ + lost_;
  report.lost = lost_;
  report.loss_bursts = loss_bursts_;
  report.reordered = reordered_;
  report.duplicates = duplicates_;
  report.jitter_ms = jitter_ms_;
  report.mean_jitter_ms = jitter_samples_ == 0 ? 0 : jitter_sum_ms_ / static_cast<double>(jitter_samples_);
  report.max_jitter_ms = max_jitter_ms_;
  report.first_ns = first_ns_;
  report.last_ns = last_ns_;
  return report;
}

}  // namespace lc::calls
