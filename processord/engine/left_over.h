// What a killed process, or a disk that lost data, leaves of capture files.
#pragma once

#include <functional>
#include <string>

#include "common/base/result.h"
#include "common/capture/capture_files.h"
#include "processord/engine/journal.h"

namespace lc::processor {

/// capture::cut_back(), with a line in the log where that is more than routine.
Result<capture::CutBack> cut_back_and_tell(const capture::CommittedFile& file);

/// The same for all files of calls that the journal knows, which then are given their names and are known no more;
/// nobody may be writing them. `interrupted`: their calls go on, as far as we know, and so they are noted. `closed` is
/// told of each. May be repeated after an Error.
Status finish_left_calls(Journal& journal, bool interrupted, const std::function<void(const std::string&)>& closed);

/// The same for .part files in a directory that no journal knows (capture::finish_left_parts()).
Status finish_unknown_parts(const std::string& directory, const std::function<void(const std::string&)>& closed);

}  // namespace lc::processor
