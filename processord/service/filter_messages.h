// Filters in the answers of calls.
#pragma once

#include <cstddef>
#include <vector>

#include "lippycat/management.pb.h"
#include "processord/engine/filter_board.h"
#include "processord/engine/filter_rollout.h"

namespace lc::processor {

void add_listed(const std::vector<ListedFilter>& filters,
                google::protobuf::RepeatedPtrField<lippycat::management::Filter>& messages);

lippycat::management::FilterUpdateResult to_proto(const FilterOutcome& outcome);

/// Fills ConnectedHunter's filter fields, for the hunters of one answer: thousands of filters on hundreds of hunters
/// would be more than a message may hold.
class ShownFilters {
 public:
  explicit ShownFilters(const FilterBoard& board) : board_(board) {}
  void fill(lippycat::management::ConnectedHunter& hunter);

 private:
  static constexpr std::size_t kMostBytes = std::size_t{2} << 20;

  const FilterBoard& board_;
  std::size_t left_ = kMostBytes;
};

}  // namespace lc::processor
