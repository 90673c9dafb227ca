// Where a processor may stand in the tree.
#pragma once

#include <cstddef>
#include <string>

#include "common/base/result.h"
#include "processord/tree/link_messages.h"

namespace lc::processor {

/// Deeper than this, operations get slow.
inline constexpr std::size_t kDepthOfWarning = 7;

/// Whether they are the same processor, as far as can be known: a peer that does not say its instance is known by id.
bool same_processor(const ProcessorIdentity& a, const ProcessorIdentity& b);

/// Whether a processor with `height` levels below it may have `above` as its chain. kFailedPrecondition: `processor
/// cycle detected in upstream chain`, `hierarchy depth limit exceeded (max: 10)`.
Status check_place(const ProcessorIdentity& processor, const Chain& above, std::size_t height);

/// The chain of the children of `self`.
Chain chain_below(const ProcessorIdentity& self, const Chain& above);

/// Empty, unless the depth asks for one.
std::string depth_warning(std::size_t depth);

}  // namespace lc::processor
