// Reads a capture file through libpcap and does nothing with the packets: the least that a file costs anybody.
// With --numbered FROM,TO it looks instead for the packets that bench_load numbered FROM to TO - 1.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "tests/bench/options.h"
#include "tests/bench/packet_number.h"
#include "tests/bench/pcap_file.h"

namespace lc::bench {
namespace {

void read_only(const std::string& path, int loops) {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  const Moment start = now();
  for (int i = 0; i < loops; ++i) {
    for_each_packet(path, [&](const pcap_pkthdr& header, const u_char*) {
      ++packets;
      bytes += header.caplen;
    });
  }
  print_json({{"packets", static_cast<double>(packets)},
              {"bytes", static_cast<double>(bytes)},
              {"seconds", seconds_since(start)},
              {"cpu_seconds", cpu_seconds(RUSAGE_SELF)}});
}

void check_numbers(const std::string& path, const std::string& range) {
  std::size_t comma = 0;
  const std::uint64_t from = std::stoull(range, &comma);
  const std::uint64_t to = std::stoull(range.substr(comma + 1));
  std::vector<std::uint8_t> seen(to - from);
  std::uint64_t doubled = 0;
  std::uint64_t late = 0;  // behind a higher number
  std::uint64_t highest = 0;
  for_each_packet(path, [&](const pcap_pkthdr& header, const u_char* bytes) {
    const auto number = number_of(bytes, header.caplen);
    if (!number || *number < from || *number >= to) return;
    if (seen[*number - from]++ > 0) ++doubled;
    if (*number < highest) ++late;
    highest = std::max(highest, *number);
  });
  const auto missing = std::count(seen.begin(), seen.end(), 0);
  print_json({{"expected", static_cast<double>(to - from)},
              {"missing", static_cast<double>(missing)},
              {"doubled", static_cast<double>(doubled)},
              {"out_of_order", static_cast<double>(late)}});
}

}  // namespace
}  // namespace lc::bench

int main(int argc, char** argv) {
  using namespace lc::bench;
  return run_tool("bench_pcap_read FILE [--loop N] [--numbered FROM,TO]", [&] {
    const Options options(argc, argv, {"loop", "numbered"});
    if (options.words().size() != 1) throw std::invalid_argument("one capture file, please");
    if (options.has("numbered")) {
      check_numbers(options.words()[0], options.text("numbered"));
    } else {
      read_only(options.words()[0], static_cast<int>(options.number("loop", 1)));
    }
  });
}
