// What the ends of a link say, as messages, and back.
#pragma once

#include <optional>
#include <string>

#include "common/base/result.h"
#include "lippycat/link.pb.h"
#include "processord/tree/link_messages.h"

namespace lc::processor {

/// Every link has signs of life this often, and is dead when it has had none for so long.
inline constexpr std::chrono::seconds kLinkBeat{5};
inline constexpr std::chrono::seconds kLinkSilence{20};

/// `self_id`: who says it.
lippycat::link::FromChild to_proto(const FromChild& message, const std::string& self_id);
lippycat::link::FromParent to_proto(const FromParent& message);

// Nothing: a sign of life, or what a newer peer says and need not be understood. kInvalidArgument: it can't be read.
Result<std::optional<FromChild>> from_proto(const lippycat::link::FromChild& message);
Result<std::optional<FromParent>> from_proto(const lippycat::link::FromParent& message);

}  // namespace lc::processor
