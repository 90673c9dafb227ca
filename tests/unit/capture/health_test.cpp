#include "common/capture/health.h"

#include <catch2/catch.hpp>

using namespace lc::capture;
using lc::fleet::HunterStatus;

namespace {

Vitals vitals(std::uint64_t received, std::uint64_t dropped, std::uint32_t buffer_percent = 0) {
  Vitals vitals;
  vitals.received = received;
  vitals.dropped = dropped;
  vitals.buffer_percent = buffer_percent;
  return vitals;
}

}  // namespace

TEST_CASE("Drops count from one judgement to the next, not since the start", "[health]") {
  Health health;
  CHECK(health.judge(vitals(0, 0)).status == HunterStatus::kHealthy);
  CHECK(health.judge(vitals(1000, 100)).status == HunterStatus::kHealthy);  // just 10 %
  CHECK(health.judge(vitals(2000, 201)).status == HunterStatus::kWarning);
  CHECK(health.judge(vitals(3000, 201)).status == HunterStatus::kHealthy);
  CHECK(health.judge(vitals(1'000'000, 201)).status == HunterStatus::kHealthy);
  CHECK(health.judge(vitals(1'000'010, 203)).status == HunterStatus::kWarning);
}

TEST_CASE("A buffer over 80 % is a warning", "[health]") {
  Health health;
  CHECK(health.judge(vitals(0, 0, 80)).status == HunterStatus::kHealthy);
  CHECK(health.judge(vitals(0, 0, 81)).status == HunterStatus::kWarning);
}

TEST_CASE("One interface down is a warning, none left or a filter not in force an error", "[health]") {
  Health health;
  Vitals now;
  now.some_source_down = true;
  CHECK(health.judge(now).status == HunterStatus::kWarning);
  now.no_source_captures = true;
  CHECK(health.judge(now).status == HunterStatus::kError);
  now = {};
  now.filter_error = "bad filter";
  CHECK(health.judge(now).status == HunterStatus::kError);
  CHECK(health.judge(now).reason == "bad filter");
  now.stopping = true;
  CHECK(health.judge(now).status == HunterStatus::kStopping);
}
