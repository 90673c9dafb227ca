#include "common/spool/record.h"

#include <catch2/catch.hpp>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

using namespace lc::spool;

namespace {

constexpr std::uint64_t kSeed = 42;

std::span<const std::uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::vector<std::uint8_t> framed(std::string_view payload, RecordInfo info = {.number = 1}) {
  std::vector<std::uint8_t> bytes;
  append_record(bytes, kSeed, {info, as_bytes(payload)});
  return bytes;
}

std::string text_of(const Record& record) {
  return {record.payload.begin(), record.payload.end()};
}

}  // namespace

TEST_CASE("A record comes back as it was written, whatever follows it", "[record]") {
  const RecordInfo info{.number = 1ULL << 40, .total_before = 1ULL << 50, .weight = 77, .time_ns = -5};
  for (const std::string& payload : {std::string(), std::string("x"), std::string(100'000, '\xff')}) {
    std::vector<std::uint8_t> bytes = framed(payload, info);
    CHECK(bytes.size() == record_bytes(payload.size()));
    bytes.push_back(0x6c);
    const auto parsed = parse_record(bytes, kSeed);
    REQUIRE(std::holds_alternative<Record>(parsed));
    const auto& record = std::get<Record>(parsed);
    CHECK(text_of(record) == payload);
    CHECK(record.info.number == info.number);
    CHECK(record.info.total_before == info.total_before);
    CHECK(record.info.weight == info.weight);
    CHECK(record.info.time_ns == info.time_ns);
  }
}

TEST_CASE("A torn record is told from a damaged one at every length, with the bytes it needs", "[record]") {
  const std::vector<std::uint8_t> bytes = framed("a payload");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto parsed = parse_record(std::span(bytes).first(size), kSeed);
    REQUIRE(std::holds_alternative<Incomplete>(parsed));
    CHECK(std::get<Incomplete>(parsed).needed == (size < kRecordHeaderBytes ? kRecordHeaderBytes : bytes.size()));
  }
}

TEST_CASE("A flipped bit anywhere is noticed, and the next record is found behind it", "[record]") {
  const std::vector<std::uint8_t> first = framed("first", {.number = 1});
  const std::vector<std::uint8_t> second = framed("second", {.number = 2});
  for (std::size_t bit = 0; bit < first.size() * 8; ++bit) {
    std::vector<std::uint8_t> bytes = first;
    bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ (1U << bit % 8));
    bytes.insert(bytes.end(), second.begin(), second.end());
    const auto parsed = parse_record(bytes, kSeed);
    INFO("bit " << bit);
    REQUIRE(std::holds_alternative<Damaged>(parsed));
    const Damaged damaged = std::get<Damaged>(parsed);
    REQUIRE(damaged.skip <= first.size());
    std::size_t at = find_record(bytes, damaged.skip);
    while (at < first.size()) at = find_record(bytes, at + 1);
    REQUIRE(at == first.size());
    const auto next = parse_record(std::span(bytes).subspan(at), kSeed);
    REQUIRE(std::holds_alternative<Record>(next));
    CHECK(text_of(std::get<Record>(next)) == "second");
  }
}

TEST_CASE("The record of another log, even as a payload, is none of this one", "[record]") {
  const std::vector<std::uint8_t> foreign = framed("foreign");
  CHECK(std::holds_alternative<Damaged>(parse_record(foreign, kSeed + 1)));
  std::vector<std::uint8_t> bytes;
  append_record(bytes, kSeed + 1, {{.number = 3}, foreign});
  const auto parsed = parse_record(bytes, kSeed + 1);
  REQUIRE(std::holds_alternative<Record>(parsed));
  CHECK(std::get<Record>(parsed).payload.size() == foreign.size());
}

TEST_CASE("Without a record ahead, all but what could be a record's beginning is passed over", "[record]") {
  const std::vector<std::uint8_t> record = framed("x");
  std::mt19937 random(1);
  for (std::size_t kept = 0; kept < 4; ++kept) {
    std::vector<std::uint8_t> bytes(1000);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random() % 0x60);  // below the first byte of a record
    bytes.insert(bytes.end(), record.begin(), record.begin() + static_cast<std::ptrdiff_t>(kept));
    CHECK(find_record(bytes, 0) == 1000);
  }
  CHECK(find_record({}, 0) == 0);
}
