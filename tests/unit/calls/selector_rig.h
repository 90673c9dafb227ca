// A selector that a test shows frames, and what it forwards.
#pragma once

#include <catch2/catch.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/calls/selector.h"
#include "common/packet/batch.h"
#include "tests/support/sip_packets.h"

namespace lc::calls::test {

using namespace lc::test;
using fleet::CaptureAction;
using fleet::FilterType;

inline fleet::Filter filter_of(FilterType type, const std::string& pattern, const std::string& id = "f",
                               CaptureAction action = CaptureAction::kFull) {
  fleet::Filter filter;
  filter.id = id;
  filter.type = type;
  filter.pattern = pattern;
  filter.enabled = true;
  filter.action = action;
  return filter;
}
inline fleet::Filter user_filter(const std::string& pattern, const std::string& id = "f",
                                 CaptureAction action = CaptureAction::kFull) {
  return filter_of(FilterType::kSipUser, pattern, id, action);
}

inline std::shared_ptr<const filter::FilterSet> set_of(std::vector<fleet::Filter> filters) {
  auto set = filter::FilterSet::compile(std::move(filters), 7, 1);
  if (!set) FAIL(set.error().text);
  return *set;
}

/// Numbers frames from 1; time stands still unless the test moves it.
class Rig final : public Outlet {
 public:
  using Numbers = std::vector<std::uint32_t>;
  using Ids = std::vector<std::string>;

  explicit Rig(std::vector<fleet::Filter> filters, NoFilterPolicy policy = NoFilterPolicy::kNone) : selector(policy) {
    selector.join();
    selector.use(set_of(std::move(filters)));
  }

  /// The frame's number.
  std::uint32_t look(const Bytes& frame, std::uint32_t interface = 0) {
    const auto size = static_cast<std::uint32_t>(frame.size());
    const Bytes lent = frame;  // gone after the look
    // The number is told by the original length, which nothing here looks at.
    const packet::PacketView view{lent.data(), size, ++looked_at, now_ns};
    Selector::Turn turn(selector, *this);
    if (turn.passes_all()) {
      forward(view, {interface, 1}, {});
    } else {
      turn.look(view, {interface, 1});
    }
    return looked_at;
  }
  void use(std::vector<fleet::Filter> filters) {
    selector.use(set_of(std::move(filters)));
    Selector::Turn(selector, *this);
  }
  void pass(double seconds) { now_ns += static_cast<std::int64_t>(seconds * 1e9); }
  /// No more packets come. All is decided then, and each frame once.
  void leave() {
    Selector::Turn(selector, *this).leave();
    CHECK(selector.held() == 0);
    CHECK(forwarded.size() + selector.filtered() == looked_at);
  }

  void forward(const packet::PacketView& frame, const Origin& origin, std::span<const std::uint8_t> matched) override {
    const std::uint32_t number = frame.original;
    if (ids.contains(number)) FAIL("frame " << number << " was forwarded twice");
    forwarded.push_back(number);
    captured[number] = frame.captured;
    interfaces[number] = origin.interface;
    Ids& its = ids[number];
    packet::MatchedIds(matched).for_each([&](std::string_view id) { its.emplace_back(id); });
  }
  [[nodiscard]] bool got(std::uint32_t number) const { return ids.contains(number); }

  Selector selector;
  std::int64_t now_ns = 1'700'000'000'000'000'000;
  std::uint32_t looked_at = 0;
  Numbers forwarded;  // in that order
  std::map<std::uint32_t, std::uint32_t> captured;
  std::map<std::uint32_t, std::uint32_t> interfaces;
  std::map<std::uint32_t, Ids> ids;
};

}  // namespace lc::calls::test
