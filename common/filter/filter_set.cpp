#include "common/filter/filter_set.h"

#include <algorithm>
#include <array>
#include <utility>

#include "common/filter/address_match.h"
#include "common/filter/bpf_match.h"
#include "common/filter/dns_name.h"
#include "common/filter/kernel_expression.h"
#include "common/filter/pattern.h"
#include "common/filter/sip_match.h"
#include "common/filter/text_headers.h"
#include "common/filter/text_match.h"
#include "common/filter/tls_hello.h"

namespace lc::filter {
namespace {

using fleet::FilterType;

std::string_view text_of(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void match_text(const TextMatcher& matcher, std::string_view text, Matches& matches) {
  if (matcher.empty()) return;
  thread_local FoldedText folded;
  matcher.match(folded.clear().append(text), matches);
}

}  // namespace

struct FilterSet::State {
  State(std::vector<fleet::Filter> in_force, std::uint64_t number, std::vector<AddressMatcher::Pattern> networks,
        std::vector<BpfMatcher::Pattern> expressions, TextPatterns texts)
      : filters(std::move(in_force)),
        revision(number),
        addresses(std::move(networks)),
        bpf(std::move(expressions)),
        kernel_expression(make_kernel_expression(filters)) {
    std::transform(texts.begin(), texts.end(), matchers.begin(),
                   [](auto& patterns) { return TextMatcher(std::move(patterns)); });
    for (const fleet::Filter& filter : filters) {
      const std::int64_t expiry = filter.expires_at_ns;
      if (expiry != 0 && (next_expiry_ns == 0 || expiry < next_expiry_ns)) next_expiry_ns = expiry;
    }
  }

  [[nodiscard]] const TextMatcher& of(FilterType type) const { return matchers[static_cast<std::size_t>(type)]; }
  [[nodiscard]] bool any(std::initializer_list<FilterType> types) const {
    return std::any_of(types.begin(), types.end(), [&](FilterType type) { return !of(type).empty(); });
  }

  std::vector<fleet::Filter> filters;
  std::uint64_t revision;
  std::int64_t next_expiry_ns = 0;
  AddressMatcher addresses;
  BpfMatcher bpf;
  TextMatchers matchers;
  std::string kernel_expression;
};

FilterSet::FilterSet(std::unique_ptr<const State> state) : state_(std::move(state)) {
  const State& all = *state_;
  any_.none = all.filters.empty();
  any_.sip = all.any({FilterType::kSipUser, FilterType::kSipUri, FilterType::kPhoneNumber, FilterType::kCallId,
                      FilterType::kImsi, FilterType::kImei});
  any_.codec = all.any({FilterType::kCodec});
  any_.address = !all.addresses.empty();
  any_.bpf = !all.bpf.empty();
  any_.dns = all.any({FilterType::kDnsDomain});
  any_.tls = all.any({FilterType::kTlsSni, FilterType::kTlsJa3, FilterType::kTlsJa3s, FilterType::kTlsJa4});
  any_.http = all.any({FilterType::kHttpHost, FilterType::kHttpUrl});
  any_.mail = all.any({FilterType::kEmailAddress, FilterType::kEmailSubject});
}
FilterSet::~FilterSet() = default;

Result<std::shared_ptr<const FilterSet>> FilterSet::compile(std::vector<fleet::Filter> filters, std::uint64_t revision,
                                                            std::int64_t now_ns) {
  std::erase_if(filters, [&](const fleet::Filter& filter) {
    return !filter.enabled || (filter.expires_at_ns != 0 && filter.expires_at_ns <= now_ns);
  });
  for (const fleet::Filter& filter : filters) {
    if (const Status checked = check(filter); !checked) return checked.error();
  }
  std::erase_if(filters, [](const fleet::Filter& filter) { return filter.type == FilterType::kMediaEndpoint; });

  std::vector<AddressMatcher::Pattern> networks;
  std::vector<BpfMatcher::Pattern> expressions;
  TextPatterns texts;
  for (std::uint32_t i = 0; i < filters.size(); ++i) {
    const fleet::Filter& filter = filters[i];
    if (filter.type == FilterType::kBpf) {
      expressions.push_back({filter.pattern, i});
    } else if (filter.type == FilterType::kIpAddress) {
      const Result<Network> network = parse_network(filter.pattern);
      if (!network) return about_pattern(filter, network.error());
      networks.push_back({*network, i});
    } else {
      Result<Glob> glob = parse_text_pattern(filter.type, filter.pattern);
      if (!glob) return about_pattern(filter, glob.error());
      texts[static_cast<std::size_t>(filter.type)].push_back({std::move(*glob), i});
    }
  }
  return std::shared_ptr<const FilterSet>(new FilterSet(std::make_unique<State>(
      std::move(filters), revision, std::move(networks), std::move(expressions), std::move(texts))));
}

const std::vector<fleet::Filter>& FilterSet::filters() const {
  return state_->filters;
}

std::uint64_t FilterSet::revision() const {
  return state_->revision;
}

std::int64_t FilterSet::next_expiry_ns() const {
  return state_->next_expiry_ns;
}

const std::string& FilterSet::kernel_expression() const {
  return state_->kernel_expression;
}

void FilterSet::match_sip(const sip::Message& message, Matches& matches) const {
  match_sip_message(state_->matchers, message, matches);
}

void FilterSet::match_codecs(const sip::Sdp& sdp, Matches& matches) const {
  for (const sip::Media& media : sdp.all()) {
    for (const sip::MediaFormat& format : media.all_formats()) {
      if (!format.codec.empty()) match_text(state_->of(FilterType::kCodec), format.codec, matches);
    }
  }
}

void FilterSet::match_payload_type(std::uint8_t static_payload_type, Matches& matches) const {
  const std::string_view codec = sip::rtp_payload(static_payload_type).codec;
  if (!codec.empty()) match_text(state_->of(FilterType::kCodec), codec, matches);
}

void FilterSet::match_address(const packet::IpAddress& address, Matches& matches) const {
  state_->addresses.match(address, matches);
}

void FilterSet::match_bpf(const packet::PacketView& packet, std::uint32_t link_type, Matches& matches) const {
  state_->bpf.match(packet, link_type, matches);
}

void FilterSet::match_dns(std::span<const std::uint8_t> message, Matches& matches) const {
  DnsQuestions questions(message);
  while (const auto name = questions.next()) match_text(state_->of(FilterType::kDnsDomain), *name, matches);
}

void FilterSet::match_tls(std::span<const std::uint8_t> record, Matches& matches) const {
  thread_local std::vector<std::uint8_t> message;
  thread_local TlsHello hello;
  if (read_tls_records(record, &message).state != TlsRecords::State::kWhole || !parse_tls_hello(message, hello)) return;
  if (!hello.is_client) {
    if (state_->any({FilterType::kTlsJa3s})) match_text(state_->of(FilterType::kTlsJa3s), ja3(hello), matches);
    return;
  }
  if (!hello.server_name.empty()) match_text(state_->of(FilterType::kTlsSni), hello.server_name, matches);
  if (state_->any({FilterType::kTlsJa3})) match_text(state_->of(FilterType::kTlsJa3), ja3(hello), matches);
  if (state_->any({FilterType::kTlsJa4})) match_text(state_->of(FilterType::kTlsJa4), ja4(hello), matches);
}

void FilterSet::match_http(std::span<const std::uint8_t> head, Matches& matches) const {
  HttpRequest request;
  if (!parse_http_request(text_of(head), request)) return;
  if (!request.host.empty()) match_text(state_->of(FilterType::kHttpHost), request.host, matches);
  match_text(state_->of(FilterType::kHttpUrl), request.target, matches);
}

void FilterSet::match_mail(std::span<const std::uint8_t> line, Matches& matches) const {
  const std::string_view text = text_of(line);
  const MailLine kind = kind_of_mail_line(text);
  if (kind == MailLine::kOther) return;
  if (kind == MailLine::kSubject) {
    const TextMatcher& subjects = state_->of(FilterType::kEmailSubject);
    if (!subjects.empty()) match_text(subjects, read_mail_subject(text), matches);
    return;
  }
  thread_local std::vector<std::string_view> addresses;
  read_mail_addresses(text, addresses);
  for (const std::string_view address : addresses) match_text(state_->of(FilterType::kEmailAddress), address, matches);
}

}  // namespace lc::filter
