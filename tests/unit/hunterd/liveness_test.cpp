#include "hunterd/liveness.h"

#include <catch2/catch.hpp>
#include <optional>

using namespace lc;
using namespace std::chrono_literals;

namespace {

/// Asks each half second, as the supervisor does; when it calls the connection dead, or nothing within a minute.
template <typename EachTick>
std::optional<std::chrono::milliseconds> dies_after(hunter::Liveness liveness, bool waits, EachTick&& each_tick) {
  for (auto time = 0ms; time < 60s; time += 500ms) {
    each_tick(liveness, Clock::time_point(time));
    if (!liveness.judge(waits, Clock::time_point(time)).empty()) return time;
  }
  return std::nullopt;
}

const Clock::time_point kStart{};

}  // namespace

TEST_CASE("A processor that says nothing is given up within 20 s, whether packets wait or not", "[liveness]") {
  for (const bool waits : {false, true}) {
    const auto died = dies_after(hunter::Liveness(kStart), waits, [](auto&, auto) {});
    REQUIRE(died);
    CHECK(*died <= 20s);
  }
}

TEST_CASE("A processor that answers heartbeats but acknowledges nothing is given up after 20 s", "[liveness]") {
  const auto answer = [](hunter::Liveness& liveness, Clock::time_point now) { liveness.heard(now); };
  CHECK(dies_after(hunter::Liveness(kStart), true, answer) == std::optional(20'000ms));
  CHECK_FALSE(dies_after(hunter::Liveness(kStart), false, answer));
}

TEST_CASE("Progress of acknowledgements keeps a slow connection, repetition of the same does not", "[liveness]") {
  std::uint64_t sequence = 0;
  CHECK_FALSE(dies_after(hunter::Liveness(kStart), true, [&](hunter::Liveness& liveness, Clock::time_point now) {
    liveness.heard(now);
    if (now.time_since_epoch() % 15s == 0s) liveness.acknowledged(++sequence, now);
  }));
  CHECK(dies_after(hunter::Liveness(kStart), true, [](hunter::Liveness& liveness, Clock::time_point now) {
          liveness.heard(now);
          liveness.acknowledged(1, now);
        }) == std::optional(20'000ms));
}

TEST_CASE("A processor that says it can't store is waited for", "[liveness]") {
  CHECK_FALSE(dies_after(hunter::Liveness(kStart), true, [](hunter::Liveness& liveness, Clock::time_point now) {
    liveness.heard(now);
    liveness.holds_back(true);
  }));
}
