#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "common/calls/rtp_quality.h"
#include "common/sip/text.h"

namespace lc::calls {
namespace {

/// How a codec impairs speech, and how well it bears losses.
struct Impairment {
  std::string_view codec;  // in lower case
  double equipment = 0;    // Ie
  double robustness = 0;   // Bpl
};

// ITU-T G.113 appendix I, and where that has no value, what is said beside it. There is one scale for all: wideband is
// not counted as an advantage, so that the figures of calls can be compared.
constexpr std::array<Impairment, 12> kImpairments = {{
    {"pcmu", 0, 25.1},     // with the concealment of G.711 appendix I
    {"pcma", 0, 25.1},     // the same
    {"g729", 11, 19.0},    // G.729A with silence suppression
    {"g729a", 11, 19.0},   // the same
    {"g723", 15, 16.1},    // 6.3 kbit/s with silence suppression
    {"gsm", 20, 10.0},     // Bpl taken as GSM-EFR's
    {"gsm-efr", 5, 10.0},  //
    {"amr", 5, 10.0},      // 12.2 kbit/s, which is GSM-EFR
    {"amr-wb", 0, 10.0},   // taken as free of impairment, Bpl as AMR's
    {"ilbc", 11, 25.1},    // Ie taken as G.729A's; Bpl as G.711's, as no frame needs another one
    {"g722", 0, 25.1},     // taken as G.711
    {"opus", 0, 25.1},     // taken as G.711
}};

// ITU-T G.107 section 7.5 (effective equipment impairment with packet loss).
double impairment_of_loss(const Impairment& codec, const RtpQuality::Report& report) {
  if (report.lost == 0) return codec.equipment;
  const double loss = static_cast<double>(report.lost) / static_cast<double>(report.expected);
  const double run =
      static_cast<double>(report.lost) / static_cast<double>(std::max<std::uint64_t>(report.loss_bursts, 1));
  const double burst_ratio = std::max(run * (1 - loss), 1.0);  // against the runs of independent losses
  const double percent = 100 * loss;
  return codec.equipment + (95 - codec.equipment) * percent / (percent / burst_ratio + codec.robustness);
}

// Cole and Rosenbluth, Voice over IP Performance Monitoring (2001): G.107's Id, of one-way delay without echo.
double impairment_of_delay(double delay_ms) {
  return 0.024 * delay_ms + 0.11 * std::max(delay_ms - 177.3, 0.0);
}

}  // namespace

double mos_estimate(std::string_view codec, const RtpQuality::Report& report) {
  const auto found = std::find_if(kImpairments.begin(), kImpairments.end(),
                                  [&](const Impairment& one) { return sip::is_word(codec, one.codec); });
  if (found == kImpairments.end() || report.expected == 0) return 0;
  constexpr double kDefaultRating = 93.2;  // G.107's default values
  const double buffer_ms = 2 * report.mean_jitter_ms;
  const double rating =
      std::clamp(kDefaultRating - impairment_of_delay(buffer_ms) - impairment_of_loss(*found, report), 0.0, 100.0);
  // G.107 annex B.
  return std::max(1.0, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6);
}

}  // namespace lc::calls
