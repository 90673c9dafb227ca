#include "common/packet/byte_reader.h"

#include <catch2/catch.hpp>
#include <vector>

using lc::packet::ByteReader;

TEST_CASE("A read behind the end gives zeros and fails the reader for good", "[byte_reader]") {
  const std::vector<std::uint8_t> bytes = {1, 2, 3, 4, 5, 6, 7, 8};
  ByteReader reader(bytes);
  CHECK(reader.u8() == 0x01);
  CHECK(reader.u16() == 0x0203);
  CHECK(reader.u32() == 0x04050607);
  CHECK(reader.position() == 7);
  REQUIRE(reader.ok());
  CHECK(reader.u16() == 0);
  CHECK_FALSE(reader.ok());
  CHECK(reader.u8() == 0);  // though one byte is left
  CHECK(reader.position() == 7);
  CHECK(reader.rest().empty());
  CHECK_FALSE(ByteReader(bytes, 9).ok());
  CHECK(ByteReader(bytes, 8).ok());
}

TEST_CASE("A limit takes bytes away but never gives any or goes back", "[byte_reader]") {
  const std::vector<std::uint8_t> bytes = {1, 2, 3, 4};
  ByteReader reader(bytes);
  reader.limit(100);
  CHECK(reader.rest().size() == 4);
  reader.limit(3);
  CHECK(reader.rest().size() == 3);
  reader.limit(4);
  CHECK(reader.rest().size() == 3);
  reader.skip(2);
  reader.limit(1);
  CHECK(reader.rest().empty());
  CHECK(reader.position() == 2);
  CHECK(reader.ok());
}
