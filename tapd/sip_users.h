// --sip-user: filters that come and go with the option.
#pragma once

#include <string>
#include <vector>

#include "common/fleet/filter.h"
#include "processord/engine/filter_board.h"

namespace lc::tap {

/// FILTER_SIP_USER for every hunter of this processor. The id is sip-user-NAME, or where that can't be one (other
/// characters, too long) what is left of it and a checksum: the same at each start.
fleet::Filter sip_user_filter(const std::string& name);

/// What makes a table with `listed` in it one with these users' filters, as the option wants them, and no others of an
/// earlier start. Filters that were made otherwise are left alone, whatever their id.
std::vector<processor::FilterEdit> sip_user_edits(const std::vector<std::string>& names,
                                                  const std::vector<processor::ListedFilter>& listed);

}  // namespace lc::tap
