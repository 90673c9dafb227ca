// Prints what decode() makes of each packet of a capture file, a line each, for comparing with another decoder.
// Usage: decode_dump FILE. Columns, separated by tabs, as in kColumns; empty where there is no such header.
// libpcap's error, if any, goes to standard error, with exit code 1 behind the packets before it.
#include <pcap/pcap.h>

#include <array>
#include <cstdio>
#include <memory>
#include <string>

#include "common/packet/decode.h"

namespace {

using lc::packet::Decoded;

constexpr const char* kColumns =
    "number\tend\tvlan\tversion\tsrc\tdst\tproto\tfrag_offset\tmore_fragments\tfrag_id\tsport\tdport\tseq\tack\tflags\t"
    "icmp\tpayload";

std::string tag_ids(const lc::packet::LinkTags& tags) {
  std::string text;
  for (std::size_t i = 0; i < tags.count && i < tags.ids.size(); ++i) {
    if (i != 0) text += ',';
    text += std::to_string(tags.ids[i]);
  }
  return text;
}

void print(unsigned long number, const Decoded& decoded) {
  const auto& ip = decoded.ip;
  const bool tcp = ip.has_transport && ip.protocol == 6;
  const bool icmp = ip.has_transport && (ip.protocol == 1 || ip.protocol == 58);
  const auto when = [](bool present, auto value) { return present ? std::to_string(value) : std::string(); };
  std::string payload;
  for (const std::uint8_t byte : ip.payload) {
    std::array<char, 3> hex{};
    std::snprintf(hex.data(), hex.size(), "%02x", static_cast<unsigned>(byte));
    payload += hex.data();
  }
  const std::array<std::string, 17> columns = {
      std::to_string(number),
      std::string(name_of(decoded.end)),
      tag_ids(decoded.tags),
      when(ip.version != 0, ip.version),
      ip.source.text(),
      ip.destination.text(),
      when(ip.version != 0, ip.protocol),
      when(ip.version != 0, ip.fragment_offset),
      when(ip.version != 0, static_cast<int>(ip.more_fragments)),
      when(ip.version != 0, ip.fragment_id),
      when(ip.has_ports, ip.source_port),
      when(ip.has_ports, ip.destination_port),
      when(tcp, ip.tcp.sequence),
      when(tcp, ip.tcp.acknowledgement),
      when(tcp, ip.tcp.flags),
      when(icmp, ip.icmp_type * 256 + ip.icmp_code),
      payload,
  };
  std::string line;
  for (const std::string& column : columns) line += (line.empty() ? "" : "\t") + column;
  std::puts(line.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: decode_dump FILE\n", stderr);
    return 2;
  }
  std::array<char, PCAP_ERRBUF_SIZE> error{};
  const std::unique_ptr<pcap_t, decltype(&pcap_close)> file(pcap_open_offline(argv[1], error.data()), &pcap_close);
  if (!file) {
    std::fprintf(stderr, "%s\n", error.data());
    return 1;
  }
  const auto link_type = static_cast<std::uint32_t>(pcap_datalink(file.get()));
  std::puts(kColumns);
  pcap_pkthdr* header = nullptr;
  const u_char* data = nullptr;
  int result = 0;
  for (unsigned long number = 1; (result = pcap_next_ex(file.get(), &header, &data)) == 1; ++number) {
    print(number, lc::packet::decode(link_type, {data, header->caplen}));
  }
  if (result == PCAP_ERROR_BREAK) return 0;
  std::fprintf(stderr, "%s\n", pcap_geterr(file.get()));
  return 1;
}
