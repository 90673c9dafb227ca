// How long to wait before the next attempt to reach a peer.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace lc {

/// 1, 2, 4 ... 60 s, each with up to 20 % jitter either way, so that a restarted processor is not hit by all its
/// hunters at once; after a connection that worked the first retry comes within 100 ms. One thread.
class Backoff {
 public:
  explicit Backoff(std::uint64_t seed) : random_(seed) {}

  std::chrono::milliseconds next() {
    if (worked_) {
      worked_ = false;
      return std::chrono::milliseconds(std::uniform_int_distribution<int>(10, 100)(random_));
    }
    const auto base =
        std::chrono::milliseconds(std::min<std::int64_t>(60'000, std::int64_t{1000} << std::min(step_, 6)));
    ++step_;
    const double factor = std::uniform_real_distribution<double>(0.8, 1.2)(random_);
    return std::chrono::milliseconds(static_cast<std::int64_t>(static_cast<double>(base.count()) * factor));
  }

  void connection_worked() {
    worked_ = true;
    step_ = 0;
  }

 private:
  std::mt19937_64 random_;
  int step_ = 0;
  bool worked_ = false;
};

}  // namespace lc
