#include "common/capture/interface_list.h"

#include "common/base/exit_code.h"
#include "common/capture/interfaces.h"

namespace lc::capture {

int print_interfaces(std::ostream& out, bool json) {
  const Result<std::vector<Interface>> interfaces = list_interfaces();
  if (!interfaces) throw StartError(ExitCode::kFailure, interfaces.error().text);
  out << (json ? as_json(*interfaces) : as_text(*interfaces));
  return 0;
}

}  // namespace lc::capture
