#include "common/filter/pattern.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "common/base/text.h"
#include "common/filter/address_match.h"
#include "common/filter/bpf.h"
#include "common/filter/phone_number.h"
#include "common/packet/packet.h"

namespace lc::filter {
namespace {

using fleet::FilterType;

constexpr std::size_t kLongestText = 1024;
constexpr std::size_t kLongestExpression = 8192;  // of BPF: lists of hosts are long
constexpr std::size_t kLongestShown = 80;

bool is_hex(char c) {
  return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f');
}

bool is_alphanumeric(char c) {
  return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z');
}

/// `position N: 'c' is not WHAT` for the first character that is none.
template <typename Is>
Status check_characters(std::string_view pattern, Is is, const std::string& what) {
  const auto bad = std::find_if_not(pattern.begin(), pattern.end(), is);
  if (bad == pattern.end()) return {};
  const auto offset = static_cast<std::size_t>(bad - pattern.begin());
  std::size_t size = 1;
  while (offset + size < pattern.size() && (pattern[offset + size] & 0xc0) == 0x80) ++size;
  return fault_at(pattern, offset, "'" + std::string(pattern.substr(offset, size)) + "' is not " + what);
}

Error wrong_length(std::string_view pattern, const std::string& what) {
  return fault_at(pattern, pattern.size(),
                  "it ends after " + std::to_string(pattern.size()) + " characters, not " + what);
}

Status check_subscriber_digits(std::string_view pattern) {
  if (Status digits = check_characters(pattern, is_digit, "a digit"); !digits) return digits;
  if (pattern.size() != 14 && pattern.size() != 15) return wrong_length(pattern, "14 or 15 digits");
  return {};
}

Status check_md5(std::string_view pattern) {
  if (Status digits = check_characters(pattern, is_hex, "a hexadecimal digit"); !digits) return digits;
  if (pattern.size() != 32) return wrong_length(pattern, "32");
  return {};
}

/// As t13d1516h2_8daaf6152771_b186095e22b6.
Status check_ja4(std::string_view pattern) {
  constexpr std::string_view kForm = "tvvdnnnnaa_hhhhhhhhhhhh_hhhhhhhhhhhh";
  const auto fits = [](char form, char c) {
    switch (form) {
      case 't':
        return c == 't';
      case 'd':
        return c == 'd' || c == 'i';
      case 'n':
        return is_digit(c);
      case 'h':
        return is_hex(c);
      case '_':
        return c == '_';
      default:
        return is_alphanumeric(c);
    }
  };
  for (std::size_t i = 0; i < std::min(pattern.size(), kForm.size()); ++i) {
    if (!fits(kForm[i], lower(pattern[i]))) {
      return fault_at(pattern, i, "a JA4 of TLS over TCP has a form as t13d1516h2_8daaf6152771_b186095e22b6");
    }
  }
  if (pattern.size() != kForm.size()) return wrong_length(pattern, std::to_string(kForm.size()));
  return {};
}

Status check_codec(std::string_view pattern) {
  const auto is_token = [](char c) {  // RFC 8866 section 6.6, RFC 6838 section 4.2
    return is_alphanumeric(c) || std::string_view("!#$&-^_.+*").find(c) != std::string_view::npos;
  };
  return check_characters(pattern, is_token, "a character of an encoding name such as PCMU, telephone-event or AMR*");
}

/// For what always has an @.
Status check_has_at(std::string_view pattern, const std::string& form) {
  if (pattern.find_first_of("@*") != std::string_view::npos) return {};
  return fault_at(pattern, pattern.size(), "it ends without @ or *: write " + form);
}

Status check_uri(std::string_view pattern) {
  for (const std::string_view scheme : {"sip:", "sips:", "tel:"}) {
    const bool has_scheme =
        std::equal(scheme.begin(), scheme.end(), pattern.begin(),
                   pattern.begin() + static_cast<std::ptrdiff_t>(std::min(scheme.size(), pattern.size())),
                   [](char a, char b) { return a == lower(b); });
    if (has_scheme) return fault_at(pattern, 0, "leave out the " + std::string(scheme));
  }
  return check_has_at(pattern, "user@domain, or *@domain for all its users");
}

Status check_text(FilterType type, std::string_view pattern) {
  switch (type) {
    case FilterType::kSipUri:
      return check_uri(pattern);
    case FilterType::kCodec:
      return check_codec(pattern);
    case FilterType::kImsi:
    case FilterType::kImei:
      return check_subscriber_digits(pattern);
    case FilterType::kTlsJa3:
    case FilterType::kTlsJa3s:
      return check_md5(pattern);
    case FilterType::kTlsJa4:
      return check_ja4(pattern);
    case FilterType::kEmailAddress:
      return check_has_at(pattern, "name@domain, or *@domain for all its addresses");
    default:
      return {};
  }
}

Status check_endpoint(std::string_view pattern) {
  const std::size_t colon = pattern.rfind(':');
  const auto wrong = [&](std::size_t offset) {
    return fault_at(pattern, offset, "not ADDRESS:PORT or [ADDRESS]:PORT");
  };
  if (colon == std::string_view::npos) return wrong(pattern.size());
  std::string_view address = pattern.substr(0, colon);
  const bool is_bracketed = address.size() >= 2 && address.starts_with('[') && address.ends_with(']');
  if (is_bracketed) address = address.substr(1, address.size() - 2);
  const Result<packet::IpAddress> parsed = packet::IpAddress::parse(address);
  const auto family = is_bracketed ? packet::IpAddress::Family::kV6 : packet::IpAddress::Family::kV4;
  if (!parsed || parsed->family() != family) return wrong(0);
  const std::string_view port = pattern.substr(colon + 1);
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc{} || end != port.data() + port.size() || number == 0) return wrong(colon + 1);
  return {};
}

}  // namespace

bool is_text(FilterType type) {
  return type != FilterType::kIpAddress && type != FilterType::kBpf && type != FilterType::kMediaEndpoint &&
         !fleet::name_of(type).empty();
}

Result<Glob> parse_text_pattern(FilterType type, std::string_view pattern) {
  if (type == FilterType::kPhoneNumber) return parse_number_pattern(pattern);
  if (Status checked = check_text(type, pattern); !checked) return checked.error();
  if (type == FilterType::kImei) pattern = pattern.substr(0, 14);  // the last digit is a check digit or a spare
  if (type == FilterType::kDnsDomain && pattern.size() > 1 && pattern.ends_with('.')) pattern.remove_suffix(1);
  Result<Glob> glob = parse_glob(pattern);
  if (glob && type == FilterType::kSipUser && !glob->has_star()) return anywhere(std::move(*glob));
  return glob;
}

Status check_pattern(FilterType type, std::string_view pattern) {
  if (pattern.empty()) return Error{Code::kInvalidArgument, "it is empty"};
  const std::size_t longest = type == FilterType::kBpf ? kLongestExpression : kLongestText;
  if (pattern.size() > longest) {
    return Error{Code::kInvalidArgument, "it has " + std::to_string(pattern.size()) + " bytes; at most " +
                                             std::to_string(longest) + " are allowed"};
  }
  const auto control = std::find_if(pattern.begin(), pattern.end(),
                                    [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (control != pattern.end()) {
    return fault_at(pattern, static_cast<std::size_t>(control - pattern.begin()), "a control character");
  }
  if (type == FilterType::kBpf) {
    const Result<BpfFilter> filter = BpfFilter::compile(std::string(pattern), packet::kEthernet);
    return filter ? Status() : Status(filter.error());
  }
  if (type == FilterType::kIpAddress) {
    const Result<Network> network = parse_network(pattern);
    return network ? Status() : Status(network.error());
  }
  if (type == FilterType::kMediaEndpoint) return check_endpoint(pattern);
  const Result<Glob> glob = parse_text_pattern(type, pattern);
  return glob ? Status() : Status(glob.error());
}

Error about_pattern(const fleet::Filter& filter, const Error& error) {
  const bool is_long = filter.pattern.size() > kLongestShown;
  const std::string shown = quoted(filter.pattern.substr(0, kLongestShown)) + (is_long ? "..." : "");
  return {error.code, "filter " + quoted(filter.id) + ": " + std::string(fleet::name_of(filter.type)) + " pattern " +
                          shown + ": " + error.text};
}

}  // namespace lc::filter
