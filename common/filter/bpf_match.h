// Finds which of several BPF filters a packet matches.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/filter/bpf.h"
#include "common/filter/filter_set.h"

namespace lc::filter {

/// Compiled for Ethernet at once, for other link types when the first such packet comes; there, an expression that the
/// link type has no meaning for matches nothing. Any number of threads may match at a time.
class BpfMatcher {
 public:
  struct Pattern {
    std::string expression;
    std::uint32_t id = 0;
  };

  /// All expressions must be valid for Ethernet (BpfFilter::compile()).
  explicit BpfMatcher(std::vector<Pattern> patterns);
  ~BpfMatcher();

  [[nodiscard]] bool empty() const { return patterns_.empty(); }
  void match(const packet::PacketView& packet, std::uint32_t link_type, Matches& matches) const;

 private:
  struct Compiled;
  const Compiled& compiled_for(std::uint32_t link_type) const;

  std::vector<Pattern> patterns_;
  mutable std::atomic<Compiled*> newest_{nullptr};  // a list that only grows, in front
};

}  // namespace lc::filter
