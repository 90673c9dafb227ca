#include "common/filter/bpf_link_type.h"

#include <pcap/pcap.h>

#include <array>

namespace lc::filter {
namespace {

struct Pair {
  int dlt;
  std::uint32_t link_type;
};

// The DLT_ numbers of Linux (pcap/dlt.h) that differ from their LINKTYPE_.
constexpr std::array<Pair, 6> kDifferent = {{
    {11, 100},  // ATM_RFC1483
    {12, 101},  // RAW
    {15, 102},  // SLIP_BSDOS
    {16, 103},  // PPP_BSDOS
    {18, 246},  // PFSYNC
    {19, 106},  // ATM_CLIP
}};

}  // namespace

std::uint32_t link_type_of_dlt(int dlt) {
  for (const Pair& pair : kDifferent) {
    if (pair.dlt == dlt) return pair.link_type;
  }
  return static_cast<std::uint32_t>(dlt);
}

int dlt_of_link_type(std::uint32_t link_type) {
  for (const Pair& pair : kDifferent) {
    if (pair.link_type == link_type) return pair.dlt;
  }
  return static_cast<int>(link_type);
}

std::string link_type_name(std::uint32_t link_type) {
  const char* name = ::pcap_datalink_val_to_name(dlt_of_link_type(link_type));
  return name != nullptr ? name : std::to_string(link_type);
}

}  // namespace lc::filter
