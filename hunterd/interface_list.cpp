#include "hunterd/interface_list.h"

#include "common/base/exit_code.h"
#include "common/capture/interfaces.h"

namespace lc::hunter {

int print_interfaces(std::ostream& out, bool json) {
  const Result<std::vector<capture::Interface>> interfaces = capture::list_interfaces();
  if (!interfaces) throw StartError(ExitCode::kFailure, interfaces.error().text);
  out << (json ? capture::as_json(*interfaces) : capture::as_text(*interfaces));
  return 0;
}

}  // namespace lc::hunter
