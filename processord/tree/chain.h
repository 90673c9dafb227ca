// Where a processor may stand in the tree.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "processord/tree/link_messages.h"

namespace lc::processor {

/// Deeper than this, operations get slow.
inline constexpr std::size_t kDepthOfWarning = 7;

/// Whether they are the same processor, as far as can be known: a peer that does not say its instance is known by id.
bool same_processor(const ProcessorIdentity& a, const ProcessorIdentity& b);

/// Whether a processor with `height` levels below it may have `above` as its chain. cycle_found(), or
/// kFailedPrecondition: `hierarchy depth limit exceeded (max: 10)`.
Status check_place(const ProcessorIdentity& processor, const Chain& above, std::size_t height);

/// kFailedPrecondition, `processor cycle detected in upstream chain`.
Error cycle_found();

/// The chain of the children of `self`.
Chain chain_below(const ProcessorIdentity& self, const Chain& above);

/// What the one who asked is told when an operation got no further than `processor`: `operation failed in chain:
/// processor "proc-b"` and then `what`, such as ` unreachable`.
std::string chain_failure(const std::string& processor, std::string_view what);

/// Empty, unless the depth asks for one.
std::string depth_warning(std::size_t depth);

}  // namespace lc::processor
