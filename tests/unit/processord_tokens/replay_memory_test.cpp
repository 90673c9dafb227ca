#include "processord/tokens/replay_memory.h"

#include <catch2/catch.hpp>
#include <cstdint>
#include <map>
#include <random>
#include <string>

using namespace lc;
using namespace lc::processor;

TEST_CASE("A name is noted once, until its end and at its end too", "[tokens]") {
  ReplayMemory memory(10);
  CHECK(memory.note("a", 100, 1));
  for (const std::int64_t now : {1, 50, 100}) {
    const Status again = memory.note("a", 100, now);
    REQUIRE_FALSE(again);
    CHECK(again.error().code == Code::kUnauthenticated);
    CHECK(again.error().text == "authorization token invalid: it was used before");
  }
  CHECK(memory.note("b", 200, 101));
  CHECK(memory.note("a", 200, 101));  // another token by then
}

TEST_CASE("A full memory refuses what is new, says so, and forgets nothing before its end", "[tokens]") {
  ReplayMemory memory(3);
  CHECK(memory.note("a", 100, 1));
  CHECK(memory.note("b", 300, 1));
  CHECK(memory.note("c", 200, 1));
  const Status full = memory.note("d", 400, 100);
  REQUIRE_FALSE(full);
  CHECK(full.error().code == Code::kResourceExhausted);
  CHECK(full.error().text == "too many authorization tokens within a few minutes (max: 3); try again later");
  for (const char* name : {"a", "b", "c"}) CHECK(memory.note(name, 300, 100).error().code == Code::kUnauthenticated);
  CHECK(memory.note("d", 400, 101));  // a has ended
  CHECK(memory.note("e", 400, 102).error().code == Code::kResourceExhausted);
}

TEST_CASE("A clock that is set back does not bring a forgotten token back to life", "[tokens]") {
  ReplayMemory memory(10);
  CHECK(memory.note("a", 100, 1));
  CHECK(memory.note("b", 5'000, 1'000));  // a is forgotten
  const Status back = memory.note("a", 100, 50);
  REQUIRE_FALSE(back);
  CHECK(back.error().text == "token expired");
  CHECK(memory.note("c", 101, 50));
}

TEST_CASE("Whatever the clock does, no name is noted twice with one end", "[tokens]") {
  const unsigned seed = 20'261'123;
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto below = [&](std::int64_t bound) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(bound));
  };
  ReplayMemory memory(20);
  std::map<std::string, std::int64_t> ends;  // of every name ever taken
  std::int64_t now = 1'000;
  std::size_t taken = 0;
  for (int step = 0; step < 20'000; ++step) {
    now += below(4) == 0 ? below(200) - 90 : 1;
    const bool is_new = ends.empty() || below(2) == 0;
    const std::string name = is_new ? std::to_string(step) : std::next(ends.begin(), below(std::ssize(ends)))->first;
    const std::int64_t until = is_new ? now + below(100) : ends.at(name);
    if (until < now) continue;  // refused before it comes here
    const bool noted = memory.note(name, until, now).ok();
    if (!is_new) REQUIRE_FALSE(noted);
    if (noted) ends.emplace(name, until);
    taken += noted ? 1 : 0;
    if (ends.size() > 200) ends.erase(ends.begin());
  }
  CHECK(taken > 1'000);
}
