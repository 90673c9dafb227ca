#include "common/filter/bpf_match.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <string>
#include <thread>
#include <vector>

#include "common/filter/kernel_expression.h"
#include "tests/unit/capture/capture_judges.h"
#include "tests/unit/capture/shared_captures.h"
#include "tests/unit/filter/filters.h"

using namespace lc;
using namespace lc::filter;
using namespace lc::filter::test;
using capture::test::unhex;

namespace {

const std::string kUdpPacket = unhex("4500001c000000004011000001020304010203050035003500080000");

packet::PacketView view_of(const std::string& frame) {
  const auto size = static_cast<std::uint32_t>(frame.size());
  return {reinterpret_cast<const std::uint8_t*>(frame.data()), size, size, 0};
}

std::string ethernet(const std::string& type_and_tags) {
  return unhex("ffffffffffff020000000001" + type_and_tags) + kUdpPacket;
}

}  // namespace

TEST_CASE("Joined or alone, each BPF filter matches what it matches by itself", "[bpf_match]") {
  std::vector<std::string> expressions = {"udp",  "port 53",      "tcp",     "vlan",    "vlan 5 and udp", "pppoes",
                                          "mpls", "host 1.2.3.5", "not udp", "less 60", "greater 44",     "arp"};
  for (int i = 0; i < 70; ++i) expressions.push_back("udp port " + std::to_string(i));  // more than one group
  std::vector<BpfMatcher::Pattern> patterns;
  for (std::uint32_t i = 0; i < expressions.size(); ++i) patterns.push_back({expressions[i], i});
  const BpfMatcher matcher(patterns);
  for (const auto& [link_type, frame] : {std::pair{packet::kEthernet, ethernet("0800")},
                                         {packet::kEthernet, ethernet("810000050800")},
                                         {packet::kEthernet, ethernet("88a80007810000050800")},
                                         {packet::kEthernet, unhex("ffff")},
                                         {packet::kRaw, kUdpPacket},
                                         {packet::kLinuxSll, unhex("00000001000600000000000000000800") + kUdpPacket}}) {
    Matches expected;
    for (std::uint32_t i = 0; i < expressions.size(); ++i) {
      const Result<BpfFilter> filter = BpfFilter::compile(expressions[i], link_type);
      if (filter && filter->matches(view_of(frame))) expected.push_back(i);
    }
    INFO(link_type << ", " << frame.size() << " bytes");
    Matches matches;
    matcher.match(view_of(frame), link_type, matches);
    CHECK(matches == expected);
  }
}

TEST_CASE("Threads that see a new link type first agree", "[bpf_match]") {
  const BpfMatcher matcher({{"udp", 0}, {"tcp", 1}, {"port 53", 2}});
  std::atomic<int> agreed{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 50; ++i) {
          Matches matches;
          const std::uint32_t types[] = {packet::kRaw, packet::kIpv4};
          matcher.match(view_of(kUdpPacket), types[(t + i) % 2], matches);
          if (matches == Matches{0, 2}) ++agreed;
        }
      });
    }
  }
  CHECK(agreed == 200);
}

TEST_CASE("Keywords that move offsets are known", "[bpf_match]") {
  CHECK(moves_offsets("pppoes and udp"));
  CHECK(moves_offsets("(mpls)"));
  CHECK(moves_offsets("udp or vlan"));
  CHECK_FALSE(moves_offsets("host mpls.example.net"));
}

TEST_CASE("Only BPF and addresses, and few of them, make an expression for the kernel", "[bpf_match]") {
  const fleet::Filter udp = make_filter(FilterType::kBpf, "udp port 53");
  const fleet::Filter host = make_filter(FilterType::kIpAddress, "192.0.2.1");
  const fleet::Filter net = make_filter(FilterType::kIpAddress, "2001:db8::/32");
  CHECK(compile({})->kernel_expression().empty());
  CHECK(compile({udp})->kernel_expression() == "(udp port 53) or ip[6:2] & 0x1fff != 0 or ip6 proto 44");
  CHECK(compile({udp, host, net})
            ->kernel_expression()
            .starts_with("(udp port 53) or net 192.0.2.1/32 or net 2001:db8::/32 or "));
  CHECK(compile({udp, make_filter(FilterType::kSipUser, "a")})->kernel_expression().empty());
  CHECK(compile({udp, make_filter(FilterType::kBpf, "vlan 5")})->kernel_expression().empty());
  CHECK(compile({udp, make_filter(FilterType::kBpf, "pppoes")})->kernel_expression().empty());
  CHECK_FALSE(compile(std::vector(200, host))->kernel_expression().empty());
  CHECK(compile(std::vector(201, host))->kernel_expression().empty());
  for (const std::uint32_t link_type : {packet::kEthernet, packet::kRaw, packet::kLinuxSll, packet::kLinuxSll2,
                                        packet::kNull, packet::kLoop, packet::kIpv4, packet::kIpv6}) {
    INFO(link_type);
    const auto compiled = BpfFilter::compile(compile({udp, host, net})->kernel_expression(), link_type);
    CHECK((compiled ? "" : compiled.error().text) == "");
  }
}

TEST_CASE("The kernel's expression lets pass fragments, and tunnels that may have the address inside", "[bpf_match]") {
  const auto passes = [](const SetPtr& set, const std::string& frame) {
    return BpfFilter::compile(set->kernel_expression(), packet::kEthernet)->matches(view_of(frame));
  };
  const SetPtr port = set_of(FilterType::kBpf, "udp port 53");
  const SetPtr address = set_of(FilterType::kIpAddress, "192.0.2.1");
  const std::string link = unhex("ffffffffffff0200000000010800");
  const std::string later = link + unhex("4500001c00000001401100000102030401020305ffffffffffffffff");
  const std::string gre = link + unhex("4500001c00000000402f0000010203040102030500000800") + unhex("45000000");
  const std::string vxlan = link + unhex("4500001c00000000401100000102030401020305123412b500080000");
  CHECK(passes(port, later));
  CHECK_FALSE(passes(port, vxlan));
  CHECK(passes(address, gre));
  CHECK(passes(address, vxlan));
  CHECK_FALSE(passes(address, ethernet("0800")));
}

TEST_CASE("On real captures a set's kernel expression passes all that the set matches", "[bpf_match]") {
  for (const auto& capture : capture::test::shared_captures()) {
    if (capture.name != "sip-auth-407-failures-in-lan-mix.pcap" && capture.name != "sip-ipv4-fragments-multipart.pcap")
      continue;
    const SetPtr set = compile({make_filter(FilterType::kBpf, "udp port 5060"), make_filter(FilterType::kBpf, "arp")});
    const auto kernel = BpfFilter::compile(set->kernel_expression(), packet::kEthernet);
    REQUIRE(kernel);
    std::size_t matched = 0;
    for (const auto& stored : capture::test::tshark_packets(capture.path)) {
      Matches matches;
      set->match_bpf(stored.view(), packet::kEthernet, matches);
      if (matches.empty()) continue;
      ++matched;
      CHECK(kernel->matches(stored.view()));
    }
    CHECK(matched > 0);
  }
}
