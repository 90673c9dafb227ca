#include "common/filter/bpf.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/capture/file_source.h"
#include "tests/unit/capture/capture_judges.h"
#include "tests/unit/capture/shared_captures.h"

using namespace lc;
using namespace lc::capture;
using namespace lc::filter;
using namespace lc::capture::test;

namespace {

/// Packets that the filter matches; none when it is refused, or the file is.
std::optional<std::uint64_t> count(const std::string& path, const std::string& expression) {
  const Result<std::unique_ptr<FileSource>> source = FileSource::open(path, {});
  if (!source || !(*source)->set_filter(expression)) return std::nullopt;
  std::uint64_t packets = 0;
  while (true) {
    const ReadOutcome outcome = (*source)->dispatch(1000, [](const packet::PacketView&) {});
    packets += outcome.packets;
    if (outcome.state != ReadState::kReading) return packets;
  }
}

std::uint64_t tcpdump_count(const std::string& path, const std::string& expression) {
  const Outcome outcome = run("tcpdump --count -r - '" + expression + "' <" + path + " 2>/dev/null");
  REQUIRE(outcome.status == 0);
  return std::stoull(outcome.text);
}

std::string refusal(const std::string& expression, std::uint32_t link_type = packet::kEthernet) {
  const Result<BpfFilter> filter = BpfFilter::compile(expression, link_type);
  REQUIRE_FALSE(filter);
  CHECK(filter.error().code == Code::kInvalidArgument);
  return filter.error().text;
}

}  // namespace

TEST_CASE("On untagged captures a filter matches as many packets as with tcpdump, or is refused by both", "[bpf]") {
  for (const SharedCapture& capture : shared_captures()) {
    const auto vlan = capture.matches.find("vlan");
    if (vlan == capture.matches.end() || vlan->second.value_or(0) > 0) continue;
    for (const auto& [expression, matches] : capture.matches) {
      INFO(capture.name << ": " << expression);
      CHECK(count(capture.path, expression) == matches);
    }
  }
}

TEST_CASE("A filter finds tagged packets as tcpdump finds them once editcap has cut out the tags", "[bpf]") {
  const TempDir dir;
  const std::string tagged = dir.file("tagged.pcap");
  const std::string bare = dir.file("bare.pcap");
  for (const SharedCapture& capture : shared_captures()) {
    std::string tags;
    if (capture.name == "vlan-qinq-pppoe-ipv6.pcap") tags = "8";
    if (capture.name == "rtp-vlan-two-interfaces.pcapng") tags = "4";
    if (tags.empty()) continue;
    REQUIRE(run("tshark -r " + capture.path + " -Y vlan -F pcap -w " + tagged + " 2>/dev/null").status == 0);
    REQUIRE(run("editcap -L -C 12:" + tags + " " + tagged + " " + bare + " 2>/dev/null").status == 0);
    for (const std::string expression : {"udp", "not udp", "ip6", "pppoes", "ether proto 0x8864", "less 100",
                                         "greater 200", "udp and udp[8] = 0x80"}) {
      INFO(capture.name << ": " << expression);
      CHECK(count(tagged, expression) == tcpdump_count(bare, expression));
    }
    for (const std::string expression : {"vlan", "vlan and udp", "vlan and vlan", "udp or vlan"}) {
      INFO(capture.name << ": " << expression);
      CHECK(count(tagged, expression) == tcpdump_count(tagged, expression));
    }
  }
}

TEST_CASE("The tags of a Linux cooked frame are taken out as those of an Ethernet frame", "[bpf]") {
  // A cooked header (sll: direction, hardware type, address; protocol last), two tags, then a UDP packet to port 53.
  const std::string ip_and_udp =
      unhex("4500001c000000004011000000000000000000000035003500080000").replace(12, 8, 8, '\x0a');
  const std::string sll =
      unhex("00000001000600000000000000008100") + unhex("20058100") + unhex("00070800") + ip_and_udp;
  const std::string sll2 =
      unhex("88a8000000000002000100060000000000000000") + unhex("20058100") + unhex("00070800") + ip_and_udp;
  for (const auto& [link_type, frame] : {std::pair{packet::kLinuxSll, sll}, {packet::kLinuxSll2, sll2}}) {
    const packet::PacketView view = {reinterpret_cast<const std::uint8_t*>(frame.data()),
                                     static_cast<std::uint32_t>(frame.size()), static_cast<std::uint32_t>(frame.size()),
                                     0};
    for (const auto& [expression, expected] :
         {std::pair{"udp port 53", true}, {"tcp", false}, {"host 10.10.10.10", true}}) {
      INFO(link_type << " " << expression);
      const Result<BpfFilter> filter = BpfFilter::compile(expression, link_type);
      REQUIRE(filter);
      CHECK(filter->matches(view) == expected);
    }
  }
}

TEST_CASE("Any cut of a tagged frame can be filtered", "[bpf]") {
  const std::string frame = unhex(
      "ffffffffffff020000000001"
      "88a80005"
      "81000006"
      "81000007"
      "0800"
      "4500");
  const Result<BpfFilter> filter = BpfFilter::compile("ip and greater 1000", packet::kEthernet);
  REQUIRE(filter);
  for (std::uint32_t size = 0; size <= frame.size(); ++size) {
    const std::vector<std::uint8_t> exact(frame.begin(), frame.begin() + size);
    CHECK(filter->matches({exact.data(), size, 1500, 0}) ==
          (size == frame.size() || size == frame.size() - 1 || size == frame.size() - 2));
  }
}

TEST_CASE("A bad filter is refused with the expression and libpcap's words", "[bpf]") {
  CHECK(refusal("tcp prot 80") == R"(bad BPF filter "tcp prot 80": syntax error)");
  CHECK(refusal("port 99999") == R"(bad BPF filter "port 99999": illegal port number 99999 > 65535)");
  CHECK(refusal("vlan", packet::kRaw) == R"(bad BPF filter "vlan": no VLAN support for Raw IP)");
  CHECK(refusal("udp) or (tcp").starts_with(R"(bad BPF filter "udp) or (tcp": )"));
  CHECK(refusal("inbound").find("do not carry their direction") != std::string::npos);
  CHECK(BpfFilter::compile("inbound", packet::kLinuxSll2));
}

TEST_CASE("Only the keyword makes an expression speak of tags", "[bpf]") {
  CHECK(mentions_vlan("vlan"));
  CHECK(mentions_vlan("udp or (vlan 5 and tcp)"));
  CHECK(mentions_vlan("(vlan)"));
  CHECK_FALSE(mentions_vlan("host vlan-gw or host vlan.example.net"));
  CHECK_FALSE(mentions_vlan("udp"));
  CHECK_FALSE(mentions_vlan(""));
}

TEST_CASE("Threads share one compiled filter", "[bpf]") {
  const std::string frame = unhex(
      "ffffffffffff020000000001"
      "81000005"
      "0800"
      "4500001c000000004011000001020304010203050035003500080000");
  const Result<BpfFilter> filter = BpfFilter::compile("udp port 53", packet::kEthernet);
  REQUIRE(filter);
  std::atomic<int> matched{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        const packet::PacketView view = {reinterpret_cast<const std::uint8_t*>(frame.data()),
                                         static_cast<std::uint32_t>(frame.size()), 60, 0};
        for (int i = 0; i < 1000; ++i) {
          if (filter->matches(view)) ++matched;
          if (!BpfFilter::compile("tcp", packet::kEthernet)) --matched;
        }
      });
    }
  }
  CHECK(matched == 4000);
}
