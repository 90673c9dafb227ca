#include "common/calls/holding_ring.h"

#include "common/calls/connections.h"
#include "common/calls/frame_store.h"
#include "tests/unit/calls/selector_rig.h"

using namespace lc;
using namespace lc::calls;
using namespace lc::calls::test;

namespace {

struct Outgoing final : Outlet {
  void forward(const packet::PacketView& frame, const Origin& origin, std::span<const std::uint8_t> matched) override {
    frames.emplace_back(frame.data, frame.data + frame.captured);
    origins.push_back(origin.interface);
    last_matched.assign(matched.begin(), matched.end());
  }
  std::vector<Bytes> frames;
  std::vector<std::uint32_t> origins;
  Bytes last_matched;
};

Endpoint endpoint(const std::string& text) {
  return *parse_endpoint(text);
}

struct Bench {
  explicit Bench(HoldingRing::Limits limits = {}) : ring(limits, store) {}

  /// Looks at a frame of which `hold` decides what becomes.
  template <typename Hold>
  FrameId look(std::size_t size, Hold hold) {
    Bytes bytes(size, static_cast<std::uint8_t>(++looked_at));
    const FrameId frame = store.begin({bytes.data(), static_cast<std::uint32_t>(size), 9999, now_ns}, {3, 1});
    hold(frame);
    store.finish();
    bytes.assign(size, 0xff);  // no more the source's
    return frame;
  }
  HoldingRing::Place keep(std::size_t size = 100) {
    HoldingRing::Place place = 0;
    look(size, [&](FrameId frame) { place = ring.keep(frame, now_ns); });
    return place;
  }
  void keep_media(const std::string& from, const std::string& to) {
    look(100, [&](FrameId frame) { ring.keep_media(frame, endpoint(from), endpoint(to), now_ns); });
  }
  std::size_t take(const std::string& at) {
    std::vector<FrameId> taken;
    ring.take(endpoint(at), taken);
    for (const FrameId frame : taken) store.release(frame);
    return taken.size();
  }

  FrameStore store;
  HoldingRing ring;
  std::int64_t now_ns = 1'000'000'000;
  int looked_at = 0;
};

}  // namespace

TEST_CASE("A frame that nobody holds is dropped, and one that is held is forwarded as it was", "[frame_store]") {
  Bench bench;
  Outgoing out;
  bench.look(10, [](FrameId) {});
  CHECK(bench.store.dropped() == 1);
  CHECK(bench.store.held_frames() == 0);

  const FrameId held = bench.look(10, [&](FrameId frame) { bench.store.hold(frame); });
  CHECK(bench.store.held_bytes() == 10);
  const Bytes ids = {1, 2};
  bench.store.forward(held, ids, out);
  bench.store.forward(held, {}, out);  // once
  CHECK(bench.store.held_bytes() == 0);
  REQUIRE(out.frames == std::vector<Bytes>{Bytes(10, 2)});
  CHECK(out.origins == std::vector<std::uint32_t>{3});
  CHECK(out.last_matched == ids);
  bench.store.release(held);
  CHECK(bench.store.held_frames() == 0);
  CHECK(bench.store.dropped() == 1);
}

TEST_CASE("A bundle is forwarded before the frame that has it, unless the frame goes alone", "[frame_store]") {
  Bench bench;
  Outgoing out;
  std::vector<FrameId> fragments;
  for (int i = 0; i < 2; ++i) {
    fragments.push_back(bench.look(10, [&](FrameId frame) { bench.store.hold(frame); }));
  }
  const FrameId last = bench.look(10, [&](FrameId frame) {
    bench.store.hold(frame);
    bench.store.bundle(frame, fragments);
    bench.store.bundle(frame, fragments);
  });
  for (const FrameId fragment : fragments) bench.store.release(fragment);
  CHECK(bench.store.held_frames() == 3);
  const bool alone = GENERATE(false, true);
  if (alone) {
    bench.store.forward_alone(last, {}, out, 4);
    CHECK(out.frames == std::vector<Bytes>{Bytes(4, 3)});
  } else {
    bench.store.forward(last, {}, out);
    CHECK(out.frames == std::vector<Bytes>{Bytes(10, 1), Bytes(10, 2), Bytes(10, 3)});
  }
  bench.store.release(last);
  CHECK(bench.store.held_frames() == 0);
  CHECK(bench.store.held_bytes() == 0);
  CHECK(bench.store.dropped() == (alone ? 2 : 0));
}

TEST_CASE("The ring gives each frame out once, by its place or by one of its two addresses", "[holding_ring]") {
  Bench bench;
  const auto place = bench.keep();
  bench.keep_media("10.0.0.1:4000", "10.0.0.2:5000");
  bench.keep_media("10.0.0.2:5000", "10.0.0.1:4000");
  bench.keep_media("10.0.0.3:4000", "10.0.0.2:5000");
  bench.keep_media("10.0.0.4:4000", "10.0.0.4:4000");
  CHECK(bench.take("10.0.0.1:4000") == 2);
  CHECK(bench.take("10.0.0.1:4000") == 0);
  CHECK(bench.take("10.0.0.2:5000") == 1);
  CHECK(bench.take("10.0.0.4:4000") == 1);
  CHECK(bench.take("10.0.0.9:4000") == 0);
  FrameId frame = 0;
  REQUIRE(bench.ring.take(place, frame));
  bench.store.release(frame);
  CHECK_FALSE(bench.ring.take(place, frame));
  CHECK(bench.store.held_frames() == 0);
  bench.ring.expire(bench.now_ns);
  CHECK(bench.ring.empty());
}

TEST_CASE("The ring lets go of what is too old or too much, the oldest first", "[holding_ring]") {
  Bench bench({.bytes = 10'000, .age_ns = 5'000'000'000});
  std::vector<HoldingRing::Place> places;
  for (int i = 0; i < 10; ++i) {
    places.push_back(bench.keep(1500));
    bench.keep_media("10.0.0.1:4000", "10.0.0.2:5000");
    CHECK(bench.store.held_bytes() <= 10'000 + 1500);
  }
  FrameId frame = 0;
  CHECK_FALSE(bench.ring.take(places.front(), frame));
  REQUIRE(bench.ring.take(places.back(), frame));
  bench.store.release(frame);
  bench.now_ns += 5'000'000'001;
  bench.ring.expire(bench.now_ns);
  CHECK(bench.ring.empty());
  CHECK(bench.store.held_frames() == 0);
  CHECK(bench.take("10.0.0.1:4000") == 0);
  CHECK_FALSE(bench.ring.take(places.back(), frame));
  CHECK(bench.ring.oldest() == 20);
}

TEST_CASE("A connection is followed in both directions until it is over or silent", "[connections]") {
  Connections connections;
  packet::StreamEnds ends;
  ends.source = *packet::IpAddress::parse("10.0.0.1");
  ends.destination = *packet::IpAddress::parse("10.0.0.2");
  ends.source_port = 40'000;
  ends.destination_port = 443;
  packet::IpPacket there;
  there.source = ends.source;
  there.destination = ends.destination;
  there.source_port = ends.source_port;
  there.destination_port = ends.destination_port;
  packet::IpPacket back = there;
  std::swap(back.source, back.destination);
  std::swap(back.source_port, back.destination_port);
  packet::IpPacket other = there;
  other.source_port = 40'001;

  Want want;
  want.add("tls", MediaExtent::kFull);
  CHECK(connections.find(there, 1) == nullptr);
  connections.follow(ends, want, 1);
  CHECK(connections.find(there, 2) != nullptr);
  CHECK(connections.find(back, 2) != nullptr);
  CHECK(connections.find(other, 2) == nullptr);
  constexpr std::int64_t kSecond = 1'000'000'000;
  SECTION("silent for ten minutes") {
    connections.expire(600 * kSecond);
    CHECK(connections.find(back, 600 * kSecond) != nullptr);
    connections.expire(1201 * kSecond);
    CHECK(connections.find(back, 1201 * kSecond) == nullptr);
  }
  SECTION("reset") {
    there.tcp.flags = 4;
    CHECK(connections.find(there, 3) != nullptr);
    connections.expire(3 * kSecond);
    CHECK(connections.find(back, 3 * kSecond) == nullptr);
  }
  SECTION("half closed it goes on") {
    there.tcp.flags = 1;
    CHECK(connections.find(there, 3) != nullptr);
    connections.expire(60 * kSecond);
    CHECK(connections.find(back, 60 * kSecond) != nullptr);
  }
  SECTION("not wanted any more") {
    connections.for_each([](Want& its) { its.clear(); });
    CHECK(connections.find(back, 3) == nullptr);
  }
}
