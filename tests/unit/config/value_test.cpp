#include "common/config/value.h"

#include <catch2/catch.hpp>

namespace lc::config {
namespace {

std::int64_t number(const Option& option, const std::string& text) {
  const Result<Value> value = parse_value(option, text, "test");
  REQUIRE(value.ok());
  return value->number;
}

}  // namespace

TEST_CASE("Sizes are read in bytes and in binary multiples", "[config]") {
  const Option option{.kind = Kind::kSize};
  CHECK(number(option, "0") == 0);
  CHECK(number(option, "1000") == 1000);
  CHECK(number(option, "512K") == 524288);
  CHECK(number(option, "64M") == 67108864);
  CHECK(number(option, "1G") == 1073741824);
  CHECK(number(option, "2T") == 2199023255552);
  const auto bad = GENERATE("", "M", "1.5G", "64 M", "64MB", "64m", "-1", "+1", "0x10", "9223372036854775808",
                            "8388608T", "99999999999999999999K");
  CHECK_FALSE(parse_value(option, bad, "test").ok());
}

TEST_CASE("Times are read in milliseconds or with their unit", "[config]") {
  const Option option{.kind = Kind::kMilliseconds};
  CHECK(number(option, "100") == 100);
  CHECK(number(option, "100ms") == 100);
  CHECK(number(option, "2s") == 2000);
  CHECK(number(option, "5m") == 300'000);
  CHECK(number(option, "1h") == 3'600'000);
  CHECK(number(option, "7d") == 604'800'000);
  const auto bad = GENERATE("", "ms", "1M", "1w", "1h30m", "1.5s", "100 ms", "-5", "9223372036854775807s");
  CHECK_FALSE(parse_value(option, bad, "test").ok());
}

TEST_CASE("Booleans are true or false and nothing that looks like them", "[config]") {
  const Option option{.kind = Kind::kBoolean};
  CHECK(number(option, "true") == 1);
  CHECK(number(option, "False") == 0);
  const auto bad = GENERATE("", "yes", "no", "on", "1", "0", "tRUE", "truee");
  CHECK_FALSE(parse_value(option, bad, "test").ok());
}

TEST_CASE("An error says which value is wrong and what is allowed", "[config]") {
  const auto error = [](const Option& option, const std::string& text) {
    return parse_value(option, text, "test").error().text;
  };
  CHECK(error({.kind = Kind::kInteger, .min = 1, .max = 9}, "10") == "\"10\" is not a whole number from 1 to 9");
  CHECK(error({.kind = Kind::kInteger}, "many") == "\"many\" is not a whole number of at least 0");
  CHECK(error({.kind = Kind::kSize, .min = 1 << 20, .max = 1 << 30}, "1K") ==
        "\"1K\" is not a size from 1M to 1G in bytes or as 512K, 64M, 1G");
  CHECK(error({.kind = Kind::kMilliseconds, .max = 5000}, "6s") ==
        "\"6s\" is not a time from 0 to 5000 in milliseconds or as 100ms, 2s, 5m, 1h, 7d");
  CHECK(error({.kind = Kind::kBoolean}, "maybe") == "\"maybe\" is not true or false");
  CHECK(error({.default_value = "text", .choices = {"text", "json"}}, "xml") == "\"xml\" is not one of text, json");
  CHECK(error({.kind = Kind::kInteger}, std::string(100, '9')) ==
        "\"" + std::string(80, '9') + "\"... is not a whole number of at least 0");
  CHECK(error({.kind = Kind::kInteger}, "1\n2") == "\"1\\n2\" is not a whole number of at least 0");
}

TEST_CASE("A list is split at commas, without blanks and empty items", "[config]") {
  const Result<Value> value = parse_value({.kind = Kind::kList}, "eth0, eth1,,lo ", "test");
  REQUIRE(value.ok());
  CHECK(value->texts == std::vector<std::string>{"eth0", "eth1", "lo"});
}

TEST_CASE("A size is shown with the largest suffix that keeps it exact", "[config]") {
  CHECK(size_text(0) == "0");
  CHECK(size_text(1000) == "1000");
  CHECK(size_text(1536 * 1024) == "1536K");
  CHECK(size_text(64 * 1024 * 1024) == "64M");
  CHECK(size_text(1LL << 40) == "1T");
}

}  // namespace lc::config
