#include "hunterd/liveness.h"

namespace lc::hunter {
namespace {

constexpr std::chrono::seconds kSilence(15);
constexpr std::chrono::seconds kNoProgress(20);

}  // namespace

void Liveness::acknowledged(std::uint64_t sequence, Clock::time_point now) {
  if (sequence <= acknowledged_) return;
  acknowledged_ = sequence;
  progress_at_ = now;
}

std::string Liveness::judge(bool waits, Clock::time_point now) {
  if (!waits || holds_back_) progress_at_ = now;
  if (now - heard_at_ >= kSilence)
    return "the processor has been silent for " + std::to_string(kSilence.count()) + " s";
  if (now - progress_at_ >= kNoProgress) {
    return "packets have waited for an acknowledgement for " + std::to_string(kNoProgress.count()) + " s";
  }
  return "";
}

}  // namespace lc::hunter
