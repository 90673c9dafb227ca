// Several filters are first tried as one: `(a) or (b) or (c)` costs hardly more than one of them, since libpcap's
// optimizer joins their common tests, and most packets match none.
#include "common/filter/bpf_match.h"

#include <optional>
#include <span>
#include <utility>

#include "common/filter/text_match.h"

namespace lc::filter {
namespace {

constexpr std::size_t kLeastJoined = 3;
constexpr std::size_t kMostJoined = 32;  // libpcap's optimizer takes more than linear time

struct Single {
  BpfFilter filter;
  std::uint32_t id;
};

struct Group {
  std::optional<BpfFilter> any;  // what no packet matches that matches none of them
  std::vector<Single> filters;
};

}  // namespace

struct BpfMatcher::Compiled {
  Compiled(std::span<const Pattern> patterns, std::uint32_t type);

  std::uint32_t link_type;
  std::vector<Group> groups;
  std::unique_ptr<Compiled> older;
};

BpfMatcher::Compiled::Compiled(std::span<const Pattern> patterns, std::uint32_t type) : link_type(type) {
  Group alone;
  Group joined;
  std::string expression;
  const auto close = [&] {
    if (joined.filters.size() >= kLeastJoined) {
      if (Result<BpfFilter> any = BpfFilter::compile(expression, type)) joined.any = std::move(*any);
    }
    if (!joined.filters.empty()) groups.push_back(std::exchange(joined, {}));
    expression.clear();
  };
  for (const Pattern& pattern : patterns) {
    Result<BpfFilter> filter = BpfFilter::compile(pattern.expression, type);
    if (!filter) continue;
    if (moves_offsets(pattern.expression)) {
      alone.filters.push_back({std::move(*filter), pattern.id});
      continue;
    }
    expression += (expression.empty() ? "(" : " or (") + pattern.expression + ")";
    joined.filters.push_back({std::move(*filter), pattern.id});
    if (joined.filters.size() == kMostJoined) close();
  }
  close();
  if (!alone.filters.empty()) groups.push_back(std::move(alone));
}

BpfMatcher::BpfMatcher(std::vector<Pattern> patterns) : patterns_(std::move(patterns)) {
  if (!patterns_.empty()) newest_ = std::make_unique<Compiled>(patterns_, packet::kEthernet).release();
}

BpfMatcher::~BpfMatcher() {
  const std::unique_ptr<Compiled> owned(newest_.load());
}

const BpfMatcher::Compiled& BpfMatcher::compiled_for(std::uint32_t link_type) const {
  Compiled* const newest = newest_.load(std::memory_order_acquire);
  for (const Compiled* known = newest; known != nullptr; known = known->older.get()) {
    if (known->link_type == link_type) return *known;
  }
  // Whoever comes second throws its own away and finds the other's; this happens once for each link type.
  auto mine = std::make_unique<Compiled>(patterns_, link_type);
  mine->older.reset(newest);
  Compiled* expected = newest;
  if (newest_.compare_exchange_strong(expected, mine.get(), std::memory_order_acq_rel)) return *mine.release();
  static_cast<void>(mine->older.release());
  return compiled_for(link_type);
}

void BpfMatcher::match(const packet::PacketView& packet, std::uint32_t link_type, Matches& matches) const {
  if (patterns_.empty()) return;
  for (const Group& group : compiled_for(link_type).groups) {
    if (group.any && !group.any->matches(packet)) continue;
    for (const Single& single : group.filters) {
      if (single.filter.matches(packet)) add_match(single.id, matches);
    }
  }
}

}  // namespace lc::filter
