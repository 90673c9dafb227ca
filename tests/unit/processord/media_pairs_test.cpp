#include "processord/engine/media_pairs.h"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace lc;
using namespace lc::processor;

namespace {

calls::Endpoint at(const char* address, std::uint16_t port) {
  return {*packet::IpAddress::parse(address), port};
}
const calls::Endpoint kAlice = at("192.0.2.1", 4000);
const calls::Endpoint kBob = at("2001:db8::2", 5000);
const calls::Endpoint kServer = at("192.0.2.9", 10'000);

bool have_one_in_common(const MediaPairs::Held& one, const MediaPairs::Held& other) {
  return std::any_of(one.tokens.begin(), one.tokens.end(), [&](std::uint64_t token) {
    return std::find(other.tokens.begin(), other.tokens.end(), token) != other.tokens.end();
  });
}

}  // namespace

TEST_CASE("Calls that announce the same two addresses have a token in common, in whichever order", "[media_pairs]") {
  MediaPairs pairs;
  MediaPairs::Held one, other;
  pairs.announce(one, kAlice);
  pairs.announce(one, kServer);
  pairs.announce(other, kBob);
  pairs.announce(other, kServer);
  CHECK_FALSE(have_one_in_common(one, other));  // one address may be a relay's, for many
  pairs.announce(one, kBob);
  CHECK(have_one_in_common(one, other));
  pairs.announce(other, kAlice);
  CHECK(have_one_in_common(one, other));
}

TEST_CASE("Addresses that are announced again repeat nothing", "[media_pairs]") {
  MediaPairs pairs;
  MediaPairs::Held one;
  for (int i = 0; i < 3; ++i) {
    pairs.announce(one, kAlice);
    pairs.announce(one, kBob);
  }
  CHECK(one.tokens.size() == 1);
}

TEST_CASE("The next call between the same addresses is not the one before", "[media_pairs]") {
  MediaPairs pairs;
  MediaPairs::Held first, second;
  pairs.announce(first, kAlice);
  pairs.announce(first, kBob);
  const std::uint64_t token = first.tokens.front();
  pairs.release(first);
  CHECK(first.tokens.empty());
  pairs.release(first);  // twice does no harm
  pairs.announce(second, kBob);
  pairs.announce(second, kAlice);
  CHECK(second.tokens.front() != token);
}
