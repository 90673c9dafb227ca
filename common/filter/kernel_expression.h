// What the kernel can do for a set of filters.
#pragma once

#include <string>
#include <vector>

#include "common/fleet/filter.h"

namespace lc::filter {

/// As FilterSet::kernel_expression() says; the filters are valid.
std::string make_kernel_expression(const std::vector<fleet::Filter>& filters);

}  // namespace lc::filter
