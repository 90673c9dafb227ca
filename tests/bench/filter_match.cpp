// What filters cost: compiles sets of 10, 1,000 and 10,000 filters, and matches the SIP messages and the other packets
// of a capture file with each. Prints one line of JSON. Times are the best of many passes: the cost without other
// users of the machine.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "common/calls/call_table.h"
#include "common/filter/filter_set.h"
#include "common/packet/decode.h"
#include "common/sip/message.h"
#include "common/sip/sdp.h"
#include "tests/bench/options.h"
#include "tests/bench/pcap_file.h"

namespace lc::bench {
namespace {

using fleet::FilterType;

constexpr std::size_t kMostKept = 1'000;  // of each kind: in the cache, as packets are that were just captured
constexpr int kPasses = 300;
constexpr int kCompilePasses = 5;

struct Packet {
  std::vector<std::uint8_t> bytes;
  calls::Endpoint source;
  calls::Endpoint destination;
  [[nodiscard]] packet::PacketView view() const {
    const auto size = static_cast<std::uint32_t>(bytes.size());
    return {bytes.data(), size, size, 0};
  }
};

struct Sample {
  std::vector<std::string> messages;  // SIP over UDP, port 5060
  std::vector<Packet> others;
};

std::span<const std::uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

Sample read_sample(const std::string& path) {
  Sample sample;
  for_each_packet(path, [&](const pcap_pkthdr& header, const u_char* bytes) {
    const std::span<const std::uint8_t> frame(bytes, header.caplen);
    const packet::IpPacket ip = packet::decode(packet::kEthernet, frame).ip;
    if (ip.version == 0) return;
    const bool is_sip =
        ip.has_transport && (ip.source_port == 5060 || ip.destination_port == 5060) && sip::begins_message(ip.payload);
    if (is_sip && sample.messages.size() < kMostKept) {
      sample.messages.emplace_back(ip.payload.begin(), ip.payload.end());
    } else if (!is_sip && sample.others.size() < kMostKept) {
      sample.others.push_back({{frame.begin(), frame.end()},
                               {calls::unmapped(ip.source), ip.source_port},
                               {calls::unmapped(ip.destination), ip.destination_port}});
    }
  });
  if (sample.messages.empty() || sample.others.empty()) {
    throw std::runtime_error(path + " has no SIP over UDP on port 5060, or nothing else");
  }
  return sample;
}

/// In 100 filters: 30 SIP_USER (10 of them with stars), 15 SIP_URI, 20 PHONE_NUMBER, 10 CALL_ID, 20 IP_ADDRESS (10 of
/// them networks), 5 others (names of DNS, TLS and HTTP); besides, 8 BPF in every set. None matches the sample.
fleet::Filter make_filter(std::uint32_t i) {
  fleet::Filter filter;
  const std::string n = std::to_string(i);
  const std::uint32_t mixed = i * 2'654'435'761U;
  const std::string octets = std::to_string(mixed >> 8 & 0xff) + "." + std::to_string(mixed >> 16 & 0xff) + ".";
  filter.id = "f" + n;
  filter.enabled = true;
  const auto set = [&](FilterType type, std::string pattern) {
    filter.type = type;
    filter.pattern = std::move(pattern);
  };
  const std::uint32_t kind = i % 100;
  if (kind < 20)
    set(FilterType::kSipUser, "watched" + n);
  else if (kind < 25)
    set(FilterType::kSipUser, "*-" + n + "-desk");
  else if (kind < 30)
    set(FilterType::kSipUser, "trunk*" + n);
  else if (kind < 35)
    set(FilterType::kSipUri, "user" + n + "@watched.example.org");
  else if (kind < 40)
    set(FilterType::kSipUri, "*@sip" + n + ".example.org");
  else if (kind < 45)
    set(FilterType::kSipUri, "watched" + n + "@*");
  else if (kind < 60)
    set(FilterType::kPhoneNumber, "+990" + std::to_string(1'000'000'000 + (mixed & 0xffffff)));
  else if (kind < 65)
    set(FilterType::kPhoneNumber, "99" + std::to_string(10'000 + i) + "*");
  else if (kind < 75)
    set(FilterType::kCallId, "watched-" + n + "@call.example.org");
  else if (kind < 85)
    set(FilterType::kIpAddress, "203." + octets + std::to_string(mixed & 0xff));
  else if (kind < 90)
    set(FilterType::kIpAddress, "199." + octets + "0/24");
  else if (kind < 95)
    set(FilterType::kIpAddress, "2001:db8:" + std::to_string(i % 10'000) + "::/48");
  else if (kind < 97)
    set(FilterType::kDnsDomain, "*.watched" + n + ".example");
  else if (kind < 99)
    set(FilterType::kTlsSni, "watched" + n + ".example");
  else
    set(FilterType::kHttpHost, "watched" + n + ".example");
  return filter;
}

std::vector<fleet::Filter> make_filters(std::uint32_t count) {
  constexpr std::uint32_t kBpf = 8;
  std::vector<fleet::Filter> filters;
  for (std::uint32_t i = 0; i < kBpf; ++i) {
    fleet::Filter filter;
    filter.id = "bpf" + std::to_string(i);
    filter.enabled = true;
    filter.type = FilterType::kBpf;
    filter.pattern = "udp port " + std::to_string(50'001 + i) + " and host 203.0.113." + std::to_string(i + 1);
    filters.push_back(filter);
  }
  // A small set takes its filters from the whole mixture, too.
  const std::uint32_t step = count < 100 ? 100 / std::max(count, 1U) : 1;
  for (std::uint32_t i = 0; i < count; ++i) filters.push_back(make_filter(i * step));
  return filters;
}

/// Nanoseconds for each item, in the fastest pass.
template <typename Items, typename Each>
double best_of_passes(const Items& items, Each each) {
  double best = std::numeric_limits<double>::max();
  for (int pass = 0; pass < kPasses; ++pass) {
    const Moment start = now();
    for (const auto& item : items) each(item);
    best = std::min(best, seconds_since(start));
  }
  return best * 1e9 / static_cast<double>(items.size());
}

/// The calls of the sample, with the addresses of their media.
class Calls : calls::CallTable::Listener {
 public:
  explicit Calls(const Sample& sample) : table_({}, *this) {
    for (const std::string& text : sample.messages) {
      sip::Message message;
      sip::Sdp sdp;
      if (!sip::parse_message(bytes_of(text), message)) continue;
      const bool has_sdp = sip::parse_sdp(message.content_type, message.body, sdp);
      table_.note(message, has_sdp ? &sdp : nullptr, 0, 0);
    }
  }
  [[nodiscard]] std::size_t look_up(const calls::Endpoint& endpoint) const {
    return table_.at_endpoint(endpoint).size();
  }
  [[nodiscard]] std::size_t endpoints() const { return table_.endpoints(); }

 private:
  void media_claimed(calls::CallIndex, const calls::Endpoint&) override {}
  void media_withdrawn(calls::CallIndex, const calls::Endpoint&) override {}
  void call_removed(calls::CallIndex) override {}

  calls::CallTable table_;
};

void measure(const Sample& sample, const Calls& calls, std::uint32_t count) {
  double compile_seconds = std::numeric_limits<double>::max();
  std::shared_ptr<const filter::FilterSet> set;
  for (int pass = 0; pass < kCompilePasses; ++pass) {
    std::vector<fleet::Filter> filters = make_filters(count);
    const Moment start = now();
    auto compiled = filter::FilterSet::compile(std::move(filters), 1, 1);
    compile_seconds = std::min(compile_seconds, seconds_since(start));
    if (!compiled) throw std::runtime_error(compiled.error().text);
    set = *compiled;
  }

  filter::Matches matches;
  std::size_t matched = 0;
  std::size_t seen = 0;  // so that nothing measured is without effect
  const double parse_ns = best_of_passes(sample.messages, [&](const std::string& text) {
    sip::Message message;
    sip::parse_message(bytes_of(text), message);
    seen += message.party_count;
  });
  const double sip_ns = best_of_passes(sample.messages, [&](const std::string& text) {
    sip::Message message;
    sip::parse_message(bytes_of(text), message);
    matches.clear();
    set->match_sip(message, matches);
    matched += matches.size();
  });
  const double decode_ns = best_of_passes(sample.others, [&](const Packet& packet) {
    seen += packet::decode(packet::kEthernet, packet.bytes).ip.protocol;
  });
  const double address_ns = best_of_passes(sample.others, [&](const Packet& packet) {
    matches.clear();
    set->match_address(packet.source.address, matches);
    set->match_address(packet.destination.address, matches);
    matched += matches.size();
  });
  const double media_ns = best_of_passes(sample.others, [&](const Packet& packet) {
    seen += calls.look_up(packet.source) + calls.look_up(packet.destination);
  });
  const double bpf_ns = best_of_passes(sample.others, [&](const Packet& packet) {
    matches.clear();
    set->match_bpf(packet.view(), packet::kEthernet, matches);
    matched += matches.size();
  });
  if (seen == 0 || matched != 0) throw std::runtime_error("a filter matches, though none should");
  std::cout << R"({"filters": )" << count << R"(, "compile_ms": )" << compile_seconds * 1e3 << R"(, "sip_ns": )"
            << sip_ns << R"(, "of_it_parse_ns": )" << parse_ns << R"(, "other_ns": )"
            << decode_ns + address_ns + media_ns + bpf_ns << R"(, "of_it_decode_ns": )" << decode_ns
            << R"(, "of_it_address_ns": )" << address_ns << R"(, "of_it_media_ns": )" << media_ns
            << R"(, "of_it_bpf_ns": )" << bpf_ns << "}";
}

}  // namespace
}  // namespace lc::bench

int main(int argc, char** argv) {
  using namespace lc::bench;
  return run_tool("bench_filter_match FILE", [&] {
    const Options options(argc, argv, {});
    if (options.words().size() != 1) throw std::invalid_argument("one capture file, please");
    const Sample sample = read_sample(options.words()[0]);
    const Calls calls(sample);
    std::cout << R"({"messages": )" << sample.messages.size() << R"(, "others": )" << sample.others.size()
              << R"(, "media_endpoints": )" << calls.endpoints() << R"(, "sets": [)";
    std::string_view separator;
    for (const std::uint32_t count : {10U, 1'000U, 10'000U}) {
      std::cout << std::exchange(separator, ", ");
      measure(sample, calls, count);
    }
    std::cout << "]}" << std::endl;
  });
}
