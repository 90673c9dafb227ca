// Any bytes as a pattern and as what it is compared with. The first byte chooses the filter's type, the pattern goes up
// to the first line feed, the rest is a packet, a SIP message, a piece of a stream and so on. What check() accepts
// compiles, matches are only this filter's, and framing stays inside the bytes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "common/filter/filter_set.h"
#include "common/filter/stream_protocols.h"

namespace {

using lc::filter::FilterSet;
using lc::filter::Matches;
using Bytes = std::span<const std::uint8_t>;
using Kind = lc::packet::Framing::Kind;

void require(bool holds) {
  if (!holds) std::abort();
}

void follow_stream(const lc::packet::StreamProtocol& protocol, Bytes bytes, const FilterSet& set, Matches& matches) {
  protocol.begins(bytes);
  while (!bytes.empty()) {
    const lc::packet::Framing framing = protocol.frame(bytes);
    if (framing.kind != Kind::kMessage && framing.kind != Kind::kSkip) return;
    require(framing.size > 0 && framing.size <= bytes.size());
    const std::vector<std::uint8_t> message(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(framing.size));
    if (framing.kind == Kind::kMessage) {
      set.match_tls(message, matches);
      set.match_http(message, matches);
      set.match_mail(message, matches);
      if (message.size() > 2) set.match_dns(Bytes(message).subspan(2), matches);
    }
    bytes = bytes.subspan(framing.size);
  }
}

void match_all(const FilterSet& set, Bytes bytes, Matches& matches) {
  const std::vector<std::uint8_t> exact(bytes.begin(), bytes.end());  // so that AddressSanitizer sees its ends
  lc::sip::Message message;
  if (lc::sip::parse_message(exact, message)) set.match_sip(message, matches);
  const auto size = static_cast<std::uint32_t>(exact.size());
  for (const std::uint32_t link_type : {lc::packet::kEthernet, lc::packet::kRaw}) {
    set.match_bpf({exact.data(), size, size, 0}, link_type, matches);
  }
  if (exact.size() >= 16) {
    set.match_address(lc::packet::IpAddress(Bytes(exact).first<4>()), matches);
    set.match_address(lc::packet::IpAddress(Bytes(exact).first<16>()), matches);
  }
  set.match_dns(exact, matches);
  set.match_tls(exact, matches);
  set.match_http(exact, matches);
  set.match_mail(exact, matches);
  for (const auto& protocol : {lc::filter::tls_protocol(), lc::filter::http_protocol(), lc::filter::mail_protocol(),
                               lc::filter::dns_protocol()}) {
    follow_stream(protocol, exact, set, matches);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto& types = lc::fleet::all_filter_types();
  std::size_t end = 1;
  while (end < size && data[end] != '\n') ++end;
  lc::fleet::Filter filter;
  filter.id = "f";
  filter.enabled = true;
  filter.type = types[data[0] % types.size()];
  filter.pattern.assign(reinterpret_cast<const char*>(data) + 1, end - 1);
  // libpcap's compiler asks the resolver for host names.
  const bool is_bpf = filter.type == lc::fleet::FilterType::kBpf;
  if (is_bpf) filter.pattern = "udp or not ip6";

  const bool is_good = lc::filter::check(filter).ok();
  const auto set = FilterSet::compile({filter}, 1, 1);
  require(set.ok() == is_good);
  if (!set) return 0;
  Matches matches;
  match_all(**set, Bytes(data, size).subspan(std::min(end + 1, size)), matches);
  require(matches.empty() || matches == Matches{0});
  return 0;
}
