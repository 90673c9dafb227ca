#include "common/capture/balance.h"

#include <catch2/catch.hpp>

using namespace lc;

namespace {

std::uint64_t dropped_after_capture(const fleet::HunterStats& stats) {
  std::uint64_t sum = 0;
  for (const auto& [reason, packets] : stats.dropped_by_reason) {
    if (reason != "kernel" && reason != "interface") sum += packets;
  }
  return sum;
}

}  // namespace

TEST_CASE("The balance of a hunter holds, whatever is where", "[balance]") {
  const bool durable = GENERATE(false, true);
  const std::uint64_t given_up = GENERATE(0U, 30U);
  const packet::SendQueue::Usage usage{.pushed_packets = 900,
                                       .packets = 500,
                                       .unwritten_packets = 40,
                                       .recovered_packets = 100,
                                       .acknowledged_packets = 480,
                                       .dropped_full = 15,
                                       .dropped_damaged = 5};
  fleet::HunterStats stats;
  capture::fill_balance(stats, usage, {.captured = 940, .kernel_dropped = 8, .interface_dropped = 2, .given_up = 3},
                        durable, given_up);
  CHECK(stats.packets_captured + stats.packets_recovered ==
        stats.packets_forwarded + stats.packets_in_flight + dropped_after_capture(stats));
  CHECK(stats.packets_dropped == 8 + 2 + 15 + 5 + 3 + given_up);
  // What a kill could still take back is not called captured where durability was promised.
  CHECK(stats.packets_captured == (durable ? 903 - 40 : 940));
}
