#include "processord/engine/hunter_key.h"

#include <catch2/catch.hpp>
#include <string>

using namespace lc;
using namespace lc::processor;

TEST_CASE("A hunter below another processor has a name that no hunter of our own can have", "[hunter_key]") {
  const RelayedOrigin origin{.path = {"east", "edge-1"}, .hunter_id = "h.1", .epoch = 0xfedc'ba98'0000'0001};
  REQUIRE(check_origin(origin));
  const std::string path = origin_path(origin);
  CHECK(path == "east/edge-1/h.1");
  const std::string key = hunter_key(path, origin.epoch);
  CHECK(key == "east/edge-1/h.1@fedcba9800000001");
  CHECK(path_of(key) == path);
  CHECK(is_relayed(key));
  CHECK(is_hunter_key(key));
  CHECK(hunter_key("h.1", 5) == "h.1");
  CHECK_FALSE(is_relayed("h.1"));
  CHECK(path_of("h.1") == "h.1");
}

TEST_CASE("A journal's damaged names are no keys", "[hunter_key]") {
  CHECK(is_hunter_key("h1"));
  for (const char* const text : {"", "h 1", "h1@5", "a/h1", "a/h1@", "a/h1@g", "a//h1@5", "/h1@5", "a/@5",
                                 "a/h1@12345678901234567", "a/h1@5@6", "a/h1@5/b"}) {
    INFO(text);
    CHECK_FALSE(is_hunter_key(text));
  }
}

TEST_CASE("A path that is longer than the tree is deep names nobody", "[hunter_key]") {
  RelayedOrigin origin{.path = std::vector<std::string>(10, "p"), .hunter_id = "h", .epoch = 1};
  CHECK(check_origin(origin));
  origin.path.emplace_back("p");
  CHECK(check_origin(origin).error().code == Code::kInvalidArgument);
}
