#include <thread>

#include "tests/support/changes.h"
#include "tests/unit/calls/selector_rig.h"

using namespace lc;
using namespace lc::calls;
using namespace lc::calls::test;

namespace {

/// One capture thread's outlet; what it was given may have been captured by another.
struct Counting final : Outlet {
  void forward(const packet::PacketView& frame, const Origin& origin, std::span<const std::uint8_t> matched) override {
    if (frame.captured == 0 || matched.empty()) ++faults;
    ++forwarded[origin.interface];
  }
  std::size_t forwarded[2] = {};
  std::size_t faults = 0;
};

void look(Selector& selector, Outlet& outlet, const Bytes& frame, std::uint32_t interface, std::int64_t now_ns) {
  const auto size = static_cast<std::uint32_t>(frame.size());
  Selector::Turn(selector, outlet).look({frame.data(), size, size, now_ns}, {interface, 1});
}

}  // namespace

TEST_CASE("Signalling on one thread and media on another make one call", "[selector][threads]") {
  constexpr unsigned kCalls = 300;
  constexpr std::uint16_t kMediaPerCall = 20;
  Selector selector(NoFilterPolicy::kNone);
  selector.use(set_of({user_filter("caller*7", "sevens")}));
  selector.join();
  selector.join();
  std::int64_t const start_ns = 1'700'000'000'000'000'000;
  std::array<Counting, 2> outlets;
  Changes changes;
  unsigned signalled = 0;

  std::jthread signalling([&] {
    for (unsigned i = 0; i < kCalls; ++i) {
      const SipCall call = numbered_call(i);
      look(selector, outlets[0], call.invite(), 0, start_ns + i * 1'000'000);
      look(selector, outlets[0], call.answer(200), 0, start_ns + i * 1'000'000);
      changes.change([&] { signalled = i + 1; });
    }
    Selector::Turn(selector, outlets[0]).leave();
  });
  std::jthread media([&] {
    for (unsigned i = 0; i < kCalls; ++i) {
      const SipCall call = numbered_call(i);
      // Media of every other call comes before or while its signalling is looked at.
      if (i % 2 == 0) changes.wait([&] { return signalled > i; });
      for (std::uint16_t n = 0; n < kMediaPerCall; ++n) {
        look(selector, outlets[1], call.rtp_from_callee(n), 1, start_ns + i * 1'000'000);
      }
    }
    Selector::Turn(selector, outlets[1]).leave();
  });
  std::jthread changing([&] {
    for (unsigned i = 0; i < 50; ++i) {
      selector.use(set_of({user_filter("caller*7", "sevens"), user_filter("nobody" + std::to_string(i), "other")}));
      selector.change_endpoints({}, {"none"}, i % 2 == 0);
      CHECK(selector.revision() == 7);
      (void)selector.held();
      std::this_thread::yield();
    }
  });
  signalling.join();
  media.join();
  changing.join();

  std::size_t wanted = 0;
  for (unsigned i = 7; i < kCalls; i += 10) ++wanted;
  const std::size_t signals = outlets[0].forwarded[0] + outlets[1].forwarded[0];
  const std::size_t media_frames = outlets[0].forwarded[1] + outlets[1].forwarded[1];
  CHECK(outlets[0].faults + outlets[1].faults == 0);
  CHECK(signals == 2 * wanted);
  CHECK(media_frames == kMediaPerCall * wanted);
  CHECK(selector.held() == 0);
  CHECK(selector.filtered() == kCalls * (2 + kMediaPerCall) - signals - media_frames);
}
