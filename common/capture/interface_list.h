// --list-interfaces: what can be captured on here.
#pragma once

#include <ostream>

namespace lc::capture {

/// A table, or a JSON array of objects with name, description, up, running, loopback, addresses. Gives the exit code;
/// throws StartError when the list can't be had.
int print_interfaces(std::ostream& out, bool json);

}  // namespace lc::capture
