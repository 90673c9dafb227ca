#include "processord/tree/chain.h"

#include <algorithm>

#include "common/base/text.h"

namespace lc::processor {

bool same_processor(const ProcessorIdentity& a, const ProcessorIdentity& b) {
  return a.id == b.id && (a.instance == b.instance || a.instance == 0 || b.instance == 0);
}

Error cycle_found() {
  return {Code::kFailedPrecondition, "processor cycle detected in upstream chain"};
}

Status check_place(const ProcessorIdentity& processor, const Chain& above, std::size_t height) {
  if (std::ranges::any_of(above, [&](const auto& one) { return same_processor(one, processor); })) {
    return cycle_found();
  }
  if (above.size() + height > fleet::kMaxDepth) {
    return Error{Code::kFailedPrecondition,
                 "hierarchy depth limit exceeded (max: " + std::to_string(fleet::kMaxDepth) + ")"};
  }
  return {};
}

Chain chain_below(const ProcessorIdentity& self, const Chain& above) {
  Chain chain;
  chain.reserve(above.size() + 1);
  chain.push_back(self);
  chain.insert(chain.end(), above.begin(), above.end());
  return chain;
}

std::string chain_failure(const std::string& processor, std::string_view what) {
  return "operation failed in chain: processor " + quoted(processor) + std::string(what);
}

std::string depth_warning(std::size_t depth) {
  if (depth <= kDepthOfWarning) return {};
  return "hierarchy depth " + std::to_string(depth) + ": operations get slow beyond " + std::to_string(kDepthOfWarning);
}

}  // namespace lc::processor
