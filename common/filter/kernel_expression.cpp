// The expression must let pass all that is wanted, not only what it names: later fragments have no ports, and an
// address may stand in an inner header, where libpcap does not look.
#include "common/filter/kernel_expression.h"

#include "common/filter/address_match.h"
#include "common/filter/bpf.h"

namespace lc::filter {
namespace {

constexpr std::size_t kMostFilters = 200;

constexpr const char* kLaterFragments = "ip[6:2] & 0x1fff != 0 or ip6 proto 44";
/// PPPoE, and what packet::decode_inner() looks into: IP in IP, GRE, VXLAN, GTP-U; fragments of the latter as well.
constexpr const char* kTunnels =
    "ether proto 0x8864 or ip proto 4 or ip proto 41 or ip proto 47 or ip6 proto 4 or ip6 proto 41 or ip6 proto 47 or "
    "ip6 proto 0 or ip6 proto 43 or ip6 proto 51 or ip6 proto 60 or ip6 proto 135 or ip6 proto 139 or ip6 proto 140 or "
    "udp port 4789 or udp port 8472 or udp port 2152";

}  // namespace

std::string make_kernel_expression(const std::vector<fleet::Filter>& filters) {
  if (filters.size() > kMostFilters) return {};
  std::string expression;
  bool has_address = false;
  for (const fleet::Filter& filter : filters) {
    if (!expression.empty()) expression += " or ";
    if (filter.type == fleet::FilterType::kBpf && !moves_offsets(filter.pattern)) {
      expression += "(" + filter.pattern + ")";
    } else if (filter.type == fleet::FilterType::kIpAddress) {
      const Result<Network> network = parse_network(filter.pattern);
      if (!network) return {};
      expression += "net " + network->text();
      has_address = true;
    } else {
      return {};
    }
  }
  if (expression.empty()) return {};
  expression += std::string(" or ") + kLaterFragments;
  if (has_address) expression += std::string(" or ") + kTunnels;
  return expression;
}

}  // namespace lc::filter
