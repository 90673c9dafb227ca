// Any frames under filters of several kinds: each is forwarded at most once, as it was or cut short, and when no more
// come nothing is held. A frame is its link type and time, or what it shares with the frame before, and its bytes.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "common/calls/selector.h"
#include "tests/fuzz/packet_pieces.h"

namespace {

using namespace lc;
using fleet::FilterType;
using lc::fuzz::Pieces;
using Bytes = std::vector<std::uint8_t>;

void require(bool holds) {
  if (!holds) std::abort();
}

class Judge final : public calls::Outlet {
 public:
  void forward(const packet::PacketView& frame, const calls::Origin& origin,
               std::span<const std::uint8_t> matched) override {
    require(!matched.empty());
    const auto given = waiting.find(frame.original);
    require(given != waiting.end());
    const Bytes& bytes = given->second.first;
    require(origin.link_type == given->second.second && frame.captured <= bytes.size());
    require(std::equal(frame.data, frame.data + frame.captured, bytes.begin()));
    waiting.erase(given);
    ++forwarded;
  }
  std::map<std::uint32_t, std::pair<Bytes, std::uint32_t>> waiting;  // bytes and link type, by number
  std::uint64_t forwarded = 0;
};

fleet::Filter make_filter(FilterType type, const std::string& pattern, fleet::CaptureAction action) {
  fleet::Filter filter;
  filter.id = "f" + std::to_string(static_cast<int>(type));
  filter.type = type;
  filter.pattern = pattern;
  filter.enabled = true;
  filter.action = action;
  return filter;
}

/// Which of them are in force is said by bits.
std::shared_ptr<const filter::FilterSet> filters_of(unsigned bits) {
  static const std::array<std::pair<FilterType, const char*>, 8> kKinds = {{{FilterType::kSipUser, "alice"},
                                                                            {FilterType::kPhoneNumber, "*5"},
                                                                            {FilterType::kCodec, "PCMU"},
                                                                            {FilterType::kCallId, "*c*"},
                                                                            {FilterType::kIpAddress, "10.0.0.0/31"},
                                                                            {FilterType::kBpf, "len > 100"},
                                                                            {FilterType::kDnsDomain, "*a*"},
                                                                            {FilterType::kHttpHost, "*"}}};
  std::vector<fleet::Filter> filters;
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    if ((bits >> i & 1) == 0) continue;
    filters.push_back(
        make_filter(kKinds[i].first, kKinds[i].second, static_cast<fleet::CaptureAction>((bits + i) % 3)));
  }
  auto set = filter::FilterSet::compile(std::move(filters), bits, 1);
  require(set.ok());
  return *set;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::array<std::uint32_t, 8> kLinkTypes = {1, 0, 101, 108, 113, 228, 229, 276};
  Pieces pieces(data, size);
  Judge judge;
  calls::Selector selector(calls::NoFilterPolicy::kNone);
  selector.use(filters_of(pieces.u8()));
  selector.join();
  std::int64_t now_ns = 1'700'000'000'000'000'000;
  std::uint32_t given = 0;
  Bytes last;
  while (!pieces.empty()) {
    calls::Selector::Turn turn(selector, judge);
    const std::uint8_t control = pieces.u8();
    now_ns += std::int64_t{pieces.u8()} << 22;  // up to a second
    if (control == 0xff) {
      selector.use(filters_of(pieces.u8()));
      continue;
    }
    if (control == 0xfe) {
      fleet::Filter endpoint = make_filter(FilterType::kMediaEndpoint, "10.0.0.2:5000", fleet::CaptureAction::kFull);
      selector.change_endpoints({endpoint}, {"none"}, (pieces.u8() & 1) != 0);
      continue;
    }
    if (control == 0xfd) {
      turn.idle(control & 3U, now_ns + (std::int64_t{pieces.u8()} << 28));
      continue;
    }
    // The bytes of the frame before, with others at a place, make fragments and segments that belong together.
    Bytes frame;
    if ((control & 0x40) != 0) {
      frame = last;
      const std::size_t at = pieces.u16();
      const Bytes other = pieces.bytes(pieces.u8());
      for (std::size_t i = 0; i < other.size() && at + i < frame.size(); ++i) frame[at + i] = other[i];
    } else {
      frame = pieces.bytes(pieces.u16() % 2048);
    }
    last = frame;
    const std::uint32_t link_type = kLinkTypes[control & 7];
    const auto captured = static_cast<std::uint32_t>(frame.size());
    judge.waiting[++given] = {frame, link_type};
    turn.look({frame.data(), captured, given, now_ns}, {control >> 3U & 3U, link_type});
  }
  calls::Selector::Turn(selector, judge).leave();
  require(selector.held() == 0);
  require(judge.forwarded + selector.filtered() == given);
  return 0;
}
