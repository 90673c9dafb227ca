// libpcap's handles speak DLT_ numbers, capture files and everything here LINKTYPE_ numbers; most are the same.
#pragma once

#include <cstdint>
#include <string>

namespace lc::filter {

/// For pcap_datalink()'s value. Any thread. Source: https://www.tcpdump.org/linktypes.html
std::uint32_t link_type_of_dlt(int dlt);

/// The other way, for pcap_open_dead(); a raw-IP DLT_ value from an old peer passes as it is.
int dlt_of_link_type(std::uint32_t link_type);

/// libpcap's name (pcap_datalink_val_to_name(3PCAP)), such as EN10MB; the number where it has none.
std::string link_type_name(std::uint32_t link_type);

}  // namespace lc::filter
