// A change of a tree, or of a stream, as one line.
#pragma once

#include <string>

#include "lcwatch/model/model.h"

namespace lc::watch {

/// With a change.
std::string change_line(const Model& model, const TreeCame& came, bool json);
std::string change_line(const Model& model, const StreamChanged& changed, bool json);

}  // namespace lc::watch
