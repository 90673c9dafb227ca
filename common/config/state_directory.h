// Where a daemon keeps what must survive it, unless it is told.
#pragma once

#include <string>
#include <string_view>

namespace lc::config {

/// BASE/PROGRAM-ID, where BASE is the first of: systemd's $STATE_DIRECTORY (systemd.exec(5)), /var/lib/lippycat for
/// root, $XDG_STATE_HOME/lippycat, ~/.local/state/lippycat. The id keeps several instances on one machine apart.
std::string state_directory(std::string_view program, std::string_view id);

}  // namespace lc::config
