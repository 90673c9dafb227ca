// What RFC 3550 (appendix A.1, A.3, A.8), RFC 3551 and RFC 4733 say; jitter's values follow from J += (|D| - J) / 16.
// tests/e2e/test_rtp_against_tshark.py compares real streams with tshark.
#include "common/calls/rtp_quality.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>

using lc::calls::RtpQuality;

namespace {

constexpr std::int64_t kMs = 1'000'000;

/// Voice in packets of 20 ms.
struct Sender {
  void send(std::int64_t late_ms = 0, bool marker = false) {
    quality.add(sequence, time, type, marker, now_ns + late_ms * kMs, clock);
    ++sequence;
    time += 160;
    now_ns += 20 * kMs;
  }
  void send_some(int count) {
    for (int i = 0; i < count; ++i) send();
  }
  void skip(std::uint16_t count) { sequence = static_cast<std::uint16_t>(sequence + count); }
  /// A packet of before arrives, as far behind its time as the others.
  void arrive(std::uint16_t number) {
    const auto age = static_cast<std::uint16_t>(sequence - number);
    quality.add(number, time - 160U * age, type, false, now_ns - 20 * kMs * age, clock);
  }
  [[nodiscard]] RtpQuality::Report report() const { return quality.report(); }

  RtpQuality quality;
  std::uint16_t sequence = 1000;
  std::uint32_t time = 0xffff'ff00;  // wraps soon
  std::int64_t now_ns = 1'700'000'000'000 * kMs;
  std::uint8_t type = 8;
  std::uint32_t clock = 8000;
};

RtpQuality::Report with(double loss, std::uint64_t run, double jitter_ms) {
  RtpQuality::Report report;
  report.expected = 100'000;
  report.lost = static_cast<std::uint64_t>(std::llround(loss * 100'000));
  report.loss_bursts = report.lost / run;
  report.packets = report.expected - report.lost;
  report.mean_jitter_ms = jitter_ms;
  return report;
}

}  // namespace

TEST_CASE("A stream in order has no losses and no jitter, over two wraps of its sequence numbers", "[rtp_quality]") {
  Sender sender;
  sender.send_some(150'000);
  const RtpQuality::Report report = sender.report();
  CHECK(report.packets == 150'000);
  CHECK(report.expected == 150'000);
  CHECK(report.lost == 0);
  CHECK(report.reordered == 0);
  CHECK(report.duplicates == 0);
  CHECK(report.max_jitter_ms == 0);
  CHECK(report.last_ns - report.first_ns == 149'999 * 20 * kMs);
}

TEST_CASE("Before its first packet a stream has nothing, and passing over packets changes nothing", "[rtp_quality]") {
  RtpQuality quality;
  quality.resume();
  CHECK(quality.report().packets == 0);
  CHECK(quality.report().expected == 0);
  CHECK(quality.report().mean_jitter_ms == 0);
  CHECK(lc::calls::mos_estimate("PCMU", quality.report()) == 0);
}

TEST_CASE("Lost packets are counted where sequence numbers wrap too, with their bursts", "[rtp_quality]") {
  Sender sender;
  sender.sequence = 65'530;
  sender.send_some(3);
  sender.skip(10);  // 65533 to 6
  sender.send_some(5);
  sender.skip(1);
  sender.send_some(2);
  CHECK(sender.report().expected == 21);
  CHECK(sender.report().lost == 11);
  CHECK(sender.report().loss_bursts == 2);
  CHECK(sender.report().packets == 10);
}

TEST_CASE("A late packet fills the loss that was counted for it", "[rtp_quality]") {
  Sender sender;
  sender.send_some(10);
  sender.skip(3);  // 1010, 1011, 1012
  sender.send();
  CHECK(sender.report().lost == 3);
  CHECK(sender.report().loss_bursts == 1);
  sender.arrive(1011);
  CHECK(sender.report().lost == 2);
  CHECK(sender.report().loss_bursts == 2);
  sender.arrive(1010);
  CHECK(sender.report().loss_bursts == 1);
  sender.arrive(1012);
  CHECK(sender.report().lost == 0);
  CHECK(sender.report().loss_bursts == 0);
  CHECK(sender.report().reordered == 3);
  CHECK(sender.report().expected == 14);
  CHECK(sender.report().packets == 14);
}

TEST_CASE("A port mirror that shows packets twice makes neither losses nor jitter", "[rtp_quality]") {
  Sender sender;
  for (int i = 0; i < 1000; ++i) {
    sender.send();
    sender.arrive(static_cast<std::uint16_t>(sender.sequence - 1));
  }
  CHECK(sender.report().packets == 2000);
  CHECK(sender.report().duplicates == 1000);
  CHECK(sender.report().expected == 1000);
  CHECK(sender.report().lost == 0);
  CHECK(sender.report().reordered == 0);
  CHECK(sender.report().max_jitter_ms == 0);
}

TEST_CASE("A packet from before the first is no loss that came back", "[rtp_quality]") {
  Sender sender;
  sender.send_some(2);
  sender.skip(1);
  sender.send();
  sender.arrive(998);
  CHECK(sender.report().lost == 1);
  CHECK(sender.report().reordered == 1);
  CHECK(sender.report().expected == 5);
}

TEST_CASE("A sender that begins anew at any number is no loss of thousands", "[rtp_quality]") {
  Sender sender;
  sender.send_some(100);
  sender.sequence = 40'000;
  sender.time = 5;
  sender.send_some(100);
  CHECK(sender.report().lost == 0);
  CHECK(sender.report().packets == 200);
  CHECK(sender.report().expected == 200);
  CHECK(sender.report().max_jitter_ms == 0);
  // 40000 and 40001 said so; a loss behind them counts.
  sender.skip(2);
  sender.send();
  CHECK(sender.report().lost == 2);
}

TEST_CASE("A packet of another sequence in between changes nothing", "[rtp_quality]") {
  Sender sender;
  sender.send_some(100);
  sender.quality.add(30'000, 77, 8, false, sender.now_ns, 8000);
  sender.send_some(100);
  CHECK(sender.report().packets == 201);
  CHECK(sender.report().lost == 0);
  CHECK(sender.report().max_jitter_ms == 0);
}

TEST_CASE("What the observer passed over is not lost, what is missing afterwards is", "[rtp_quality]") {
  Sender sender;
  sender.send_some(10);
  const std::uint16_t gap = GENERATE(as<std::uint16_t>(), 0, 1, 100, 2999, 30'000, 65'000);
  CAPTURE(gap);
  sender.skip(gap);
  sender.quality.resume();
  sender.send_some(10);
  CHECK(sender.report().lost == 0);
  CHECK(sender.report().expected == 20);
  CHECK(sender.report().max_jitter_ms == 0);
  sender.skip(1);
  sender.send();
  CHECK(sender.report().lost == 1);
  if (gap == 100) {
    sender.arrive(1109);  // passed over by one interface, seen late at another: no loss comes back
    CHECK(sender.report().lost == 1);
  }
}

TEST_CASE("Jitter is that of RFC 3550", "[rtp_quality]") {
  Sender sender;
  sender.send();
  sender.send(16);
  CHECK(sender.report().jitter_ms == Approx(1.0));  // |D| = 16 ms
  sender.send(16);
  CHECK(sender.report().jitter_ms == Approx(1.0 - 1.0 / 16));
  CHECK(sender.report().max_jitter_ms == Approx(1.0));
  CHECK(sender.report().mean_jitter_ms == Approx((1.0 + 0.9375) / 2));
  // Alternating by 8 ms: J goes towards |D|.
  Sender swinging;
  for (int i = 0; i < 1000; ++i) swinging.send(i % 2 * 8);
  CHECK(swinging.report().jitter_ms == Approx(8.0));
  CHECK(swinging.report().max_jitter_ms == Approx(8.0));
}

TEST_CASE("Jitter has the clock of its payload type", "[rtp_quality]") {
  // Ticks of 20 ms: G.722's clock runs at 8000 though it samples at 16,000.
  const auto [clock, ticks] = GENERATE(
      table<std::uint32_t, std::uint32_t>({{8000, 160}, {16'000, 320}, {44'100, 882}, {48'000, 960}, {90'000, 1800}}));
  CAPTURE(clock);
  RtpQuality quality;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    quality.add(static_cast<std::uint16_t>(i), i * ticks, 96, false, i * 20 * kMs + i % 2 * 4 * kMs, clock);
  }
  CHECK(quality.report().jitter_ms == Approx(4.0));
}

TEST_CASE("Without a clock rate there is no jitter, and a clock that becomes known begins it", "[rtp_quality]") {
  Sender sender;
  sender.clock = 0;
  for (int i = 0; i < 50; ++i) sender.send(i % 2 * 8);
  CHECK(sender.report().packets == 50);
  CHECK(sender.report().mean_jitter_ms == 0);
  sender.clock = 8000;
  for (int i = 0; i < 500; ++i) sender.send(i % 2 * 8);
  CHECK(sender.report().jitter_ms == Approx(8.0));
}

TEST_CASE("Telephone events do not spoil jitter", "[rtp_quality]") {
  const std::uint32_t event_clock = GENERATE(0U, 8000U);
  const bool voice_goes_on = GENERATE(false, true);
  CAPTURE(event_clock, voice_goes_on);
  Sender sender;
  sender.send_some(50);
  for (int digit = 0; digit < 5; ++digit) {
    // All packets of an event have the timestamp of its begin (RFC 4733 section 2.2.1), the end is sent three times.
    const std::uint32_t begin = sender.time;
    for (int i = 0; i < 12; ++i) {
      sender.quality.add(sender.sequence++, begin, 101, i == 0, sender.now_ns, event_clock);
      if (voice_goes_on) {
        sender.send();
      } else {
        sender.now_ns += 20 * kMs;
        sender.time += 160;
      }
    }
    sender.send_some(digit * 3);
  }
  CHECK(sender.report().lost == 0);
  CHECK(sender.report().max_jitter_ms == Approx(0).margin(0.001));
}

TEST_CASE("Silence does not spoil jitter, whether the sender's clock goes on in it or not", "[rtp_quality]") {
  const bool clock_goes_on = GENERATE(true, false);
  const bool comfort_noise = GENERATE(true, false);
  CAPTURE(clock_goes_on, comfort_noise);
  Sender sender;
  for (int spurt = 0; spurt < 20; ++spurt) {
    sender.send(0, true);
    sender.send_some(30);
    if (comfort_noise) sender.quality.add(sender.sequence++, sender.time, 13, false, sender.now_ns, 8000);
    sender.now_ns += 777 * kMs;
    if (clock_goes_on) sender.time += 777 * 8;
  }
  CHECK(sender.report().lost == 0);
  CHECK(sender.report().max_jitter_ms == 0);
}

TEST_CASE("A sender that puts the marker on every packet has jitter", "[rtp_quality]") {
  Sender sender;
  for (int i = 0; i < 1000; ++i) sender.send(i % 2 * 8, true);
  CHECK(sender.report().jitter_ms == Approx(8.0).margin(0.1));
}

TEST_CASE("A change of payload type or of the sender's clock is no jitter", "[rtp_quality]") {
  Sender sender;
  sender.send_some(50);
  sender.type = 111;  // Opus: another clock, 960 ticks in 20 ms
  sender.time = 1'000'000;
  for (int i = 0; i < 50; ++i, sender.now_ns += 20 * kMs, sender.time += 960) {
    sender.quality.add(sender.sequence++, sender.time, 111, false, sender.now_ns, 48'000);
  }
  sender.type = 8;
  sender.send_some(50);
  sender.time += 0x4000'0000;
  sender.send_some(50);
  CHECK(sender.report().lost == 0);
  CHECK(sender.report().max_jitter_ms == 0);
}

TEST_CASE("Video counts the packets of one frame, as RFC 3550 has it", "[rtp_quality]") {
  RtpQuality quality;
  std::uint16_t sequence = 0;
  // Four packets a frame, at once; the last has the marker.
  for (std::uint32_t frame = 0; frame < 100; ++frame) {
    for (int i = 0; i < 4; ++i) quality.add(sequence++, frame * 3600, 96, i == 3, frame * 40 * kMs, 90'000);
  }
  CHECK(quality.report().max_jitter_ms == 0);
  // Paced over 24 ms: 8, 8, 8 and 24 less.
  for (std::uint32_t frame = 100; frame < 1000; ++frame) {
    for (int i = 0; i < 4; ++i) {
      quality.add(sequence++, frame * 3600, 96, i == 3, frame * 40 * kMs + i * 8 * kMs, 90'000);
    }
  }
  CHECK(quality.report().jitter_ms == Approx(12.0).epsilon(0.1));
  CHECK(quality.report().lost == 0);
}

TEST_CASE("Any order of a minute's packets, each once or twice, misses none", "[rtp_quality]") {
  const auto seed = GENERATE(range(1U, 11U));
  CAPTURE(seed);
  std::mt19937 random(seed);
  struct Arrival {
    std::uint32_t when = 0;
    std::uint16_t number = 0;
  };
  std::vector<Arrival> arrivals;
  constexpr std::uint32_t kPackets = 3000;
  std::uint64_t lost = 0;
  std::uint64_t twice = 0;
  for (std::uint32_t i = 0; i < kPackets; ++i) {
    const auto kind = random() % 10;
    const bool is_edge = i == 0 || i == kPackets - 1;  // they frame what is expected
    const int times = is_edge ? 1 : kind == 0 ? 0 : kind == 1 ? 2 : 1;
    if (times == 0) ++lost;
    if (times == 2) ++twice;
    const auto number = static_cast<std::uint16_t>(64'000 + i);
    for (int n = 0; n < times; ++n) {
      arrivals.push_back({i + (is_edge ? 0 : static_cast<std::uint32_t>(random() % 40)), number});
    }
  }
  std::stable_sort(arrivals.begin(), arrivals.end(),
                   [](const Arrival& a, const Arrival& b) { return a.when < b.when; });
  RtpQuality quality;
  for (const Arrival& one : arrivals) quality.add(one.number, 0, 0, false, 0, 0);
  const RtpQuality::Report report = quality.report();
  CHECK(report.expected == kPackets);
  CHECK(report.lost == lost);
  CHECK(report.duplicates == twice);
  CHECK(report.packets == arrivals.size());
}

TEST_CASE("The estimate is that of the E-model's formulas", "[rtp_quality]") {
  using lc::calls::mos_estimate;
  const auto mos = [](double value) { return Approx(value).margin(0.008); };
  // G.107 table B.1 and its default rating of 93.2, reached by delay alone.
  CHECK(mos_estimate("PCMU", with(0, 1, 0)) == mos(4.41));
  CHECK(mos_estimate("pcma", with(0, 1, 66.67)) == mos(4.34));   // 90
  CHECK(mos_estimate("PCMA", with(0, 1, 122.03)) == mos(4.03));  // 80
  CHECK(mos_estimate("PCMA", with(0, 1, 159.34)) == mos(3.60));  // 70
  CHECK(mos_estimate("PCMA", with(0, 1, 196.65)) == mos(3.10));  // 60
  CHECK(mos_estimate("PCMA", with(0, 1, 233.97)) == mos(2.58));  // 50
  // G.113 appendix I: 93.2 - Ie.
  CHECK(mos_estimate("G729", with(0, 1, 0)) == mos(4.10));
  CHECK(mos_estimate("G723", with(0, 1, 0)) == mos(3.95));
  CHECK(mos_estimate("GSM", with(0, 1, 0)) == mos(3.74));
  CHECK(mos_estimate("AMR", with(0, 1, 0)) == mos(4.29));
  // Ie + (95 - Ie) * 10 / (10 / BurstR + Bpl): 27.07, and 30.99 in runs of two (BurstR 1.8).
  CHECK(mos_estimate("PCMU", with(0.1, 1, 0)) == mos(3.41));
  CHECK(mos_estimate("PCMU", with(0.1, 2, 0)) == mos(3.21));
  // 11 + 84 * 5 / 24 = 28.5
  CHECK(mos_estimate("G729", with(0.05, 1, 0)) == mos(3.34));
}

TEST_CASE("The estimate falls with every loss and all jitter, between 1 and 4.5", "[rtp_quality]") {
  for (const std::string_view codec :
       {"PCMU", "PCMA", "G729", "G723", "GSM", "GSM-EFR", "AMR", "AMR-WB", "iLBC", "G722", "opus"}) {
    CAPTURE(codec);
    double before = 4.5;
    for (int percent = 0; percent <= 20; ++percent) {
      const double mos = lc::calls::mos_estimate(codec, with(percent / 100.0, 1, 0));
      CHECK(mos < before);
      CHECK(mos >= 1);
      if (percent > 0) CHECK(lc::calls::mos_estimate(codec, with(percent / 100.0, 3, 0)) < mos);
      before = mos;
    }
    before = 4.5;
    for (int jitter = 0; jitter <= 200; jitter += 10) {
      const double mos = lc::calls::mos_estimate(codec, with(0.01, 1, jitter));
      CHECK(mos < before);
      before = mos;
    }
    CHECK(lc::calls::mos_estimate(codec, with(1, 100, 5000)) == 1);
  }
}

TEST_CASE("There is no estimate for what is no voice or not known", "[rtp_quality]") {
  for (const std::string_view codec : {"", "H264", "VP8", "telephone-event", "CN", "G7", "PCMUX", "L16"}) {
    CAPTURE(codec);
    CHECK(lc::calls::mos_estimate(codec, with(0, 1, 0)) == 0);
  }
}
