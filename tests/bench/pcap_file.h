// libpcap's reader, as the tools use it.
#pragma once

#include <pcap/pcap.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace lc::bench {

struct PcapClose {
  void operator()(pcap_t* handle) const { pcap_close(handle); }
};
using PcapFile = std::unique_ptr<pcap_t, PcapClose>;

/// Timestamps come in nanoseconds (in pcap_pkthdr::ts.tv_usec). Throws what libpcap says.
inline PcapFile open_pcap(const std::string& path) {
  char error[PCAP_ERRBUF_SIZE];
  PcapFile file(pcap_open_offline_with_tstamp_precision(path.c_str(), PCAP_TSTAMP_PRECISION_NANO, error));
  if (!file) throw std::runtime_error(error);
  return file;
}

/// Hands every packet to `each(header, bytes)`; throws libpcap's error when the file is not whole.
template <typename Each>
void for_each_packet(const std::string& path, Each each) {
  const PcapFile file = open_pcap(path);
  const auto call = [](u_char* user, const pcap_pkthdr* header, const u_char* bytes) {
    (*reinterpret_cast<Each*>(user))(*header, bytes);
  };
  if (pcap_dispatch(file.get(), -1, call, reinterpret_cast<u_char*>(&each)) < 0) {
    throw std::runtime_error(path + ": " + pcap_geterr(file.get()));
  }
}

}  // namespace lc::bench
