// The processors that a console watches, by name: ~/.config/lippycat/nodes.yaml.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lcwatch/remote/watched.h"

namespace lc::watch {

/// Of the file's text; `file` names it in faults. A processor without `tls` has `tls`. Appends a line for each fault.
std::vector<WatchedServer> parse_nodes(const std::string& file, std::string_view text, const config::TlsSettings& tls,
                                       bool production, std::vector<std::string>& faults);

/// Of the file; a fault when it can't be read.
std::vector<WatchedServer> read_nodes_file(const std::string& path, const config::TlsSettings& tls, bool production,
                                           std::vector<std::string>& faults);

/// $XDG_CONFIG_HOME or ~/.config, then lippycat/nodes.yaml.
std::string default_nodes_file();

}  // namespace lc::watch
