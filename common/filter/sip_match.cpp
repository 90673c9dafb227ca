// Most headers of a message repeat the same two or three users; each text is looked at once.
#include "common/filter/sip_match.h"

#include <algorithm>
#include <string_view>

#include "common/filter/phone_number.h"
#include "common/filter/text_headers.h"

namespace lc::filter {
namespace {

using fleet::FilterType;

const TextMatcher& of(const TextMatchers& matchers, FilterType type) {
  return matchers[static_cast<std::size_t>(type)];
}

/// Remembers the texts of one message.
class Once {
 public:
  void clear() { count_ = 0; }
  bool is_new(std::string_view text) {
    for (std::size_t i = 0; i < count_; ++i) {
      if (texts_[i] == text) return false;
    }
    texts_[count_++] = text;
    return true;
  }

 private:
  std::array<std::string_view, sip::Message::kMaxParties> texts_{};
  std::size_t count_ = 0;
};

/// What one thread needs for a message; kept, as clearing it each time would cost more than using it.
struct Scratch {
  FoldedText text;
  Once users;
  Once uris;
};

/// user@host
void append_address(const sip::Uri& uri, FoldedText& text) {
  if (!uri.user.empty() && !uri.host.empty() && uri.user.end() + 1 == uri.host.begin()) {  // nothing else between them
    text.append({uri.user.data(), uri.user.size() + 1 + uri.host.size()});
    return;
  }
  text.append(uri.user);
  if (!uri.host.empty()) text.append("@").append(uri.host);
}

std::string_view leading_digits(std::string_view text) {
  return text.substr(0, std::min(text.find_first_not_of("0123456789"), text.size()));
}

/// An IMSI as user or as network access identifier (3GPP TS 23.003 sections 13.3 and 19.3: a digit for the kind of
/// authentication in front).
void match_imsi(const TextMatcher& matcher, std::string_view identity, FoldedText& text, Matches& matches) {
  const std::string_view digits = leading_digits(identity);
  if (digits.size() < 14 || digits.size() > 16 || (digits.size() < identity.size() && identity[digits.size()] != '@')) {
    return;
  }
  matcher.match(text.clear().append(digits), matches);
  if (digits[0] != '0' && digits[0] != '1' && digits[0] != '6') return;
  matcher.match(text.clear().append(digits.substr(1)), matches);
}

/// The value of Digest's username (RFC 3261 section 25.1), without quotes.
std::string_view username_of(std::string_view authorization) {
  constexpr std::string_view kName = "username";
  for (std::size_t at = 0; at + kName.size() < authorization.size(); ++at) {
    const bool is_word = at == 0 || std::string_view(" ,\t\r\n").find(authorization[at - 1]) != std::string_view::npos;
    if (!is_word || !begins_ignoring_case(authorization.substr(at), kName)) continue;
    std::string_view rest = authorization.substr(at + kName.size());
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n"), rest.size()));
    if (!rest.starts_with('=')) continue;
    rest.remove_prefix(1);
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n"), rest.size()));
    if (!rest.starts_with('"')) return rest.substr(0, rest.find_first_of(" ,\t\r\n"));
    rest.remove_prefix(1);
    return rest.substr(0, rest.find('"'));
  }
  return {};
}

/// RFC 7254: urn:gsma:imei:TAC-SNR-SPARE, of 8, 6 and 1 digits, in Contact's +sip.instance.
void match_imei(const TextMatcher& matcher, std::string_view contact, FoldedText& text, Matches& matches) {
  constexpr std::string_view kUrn = "urn:gsma:imei:";
  constexpr std::size_t kCompared = 14;
  const auto at = std::search(contact.begin(), contact.end(), kUrn.begin(), kUrn.end(),
                              [](char a, char b) { return lower(a) == b; });
  if (at == contact.end()) return;
  contact.remove_prefix(static_cast<std::size_t>(at - contact.begin()) + kUrn.size());
  std::array<char, kCompared> digits{};
  std::size_t count = 0;
  for (const char c : contact) {
    if (c == '-') continue;
    if (!is_digit(c) || count == digits.size()) break;
    digits[count++] = c;
  }
  if (count != digits.size()) return;
  matcher.match(text.clear().append({digits.data(), count}), matches);
}

}  // namespace

void match_sip_message(const TextMatchers& matchers, const sip::Message& message, Matches& matches) {
  const TextMatcher& users = of(matchers, FilterType::kSipUser);
  const TextMatcher& uris = of(matchers, FilterType::kSipUri);
  const TextMatcher& numbers = of(matchers, FilterType::kPhoneNumber);
  const TextMatcher& call_ids = of(matchers, FilterType::kCallId);
  const TextMatcher& imsis = of(matchers, FilterType::kImsi);
  const TextMatcher& imeis = of(matchers, FilterType::kImei);
  thread_local Scratch scratch;
  FoldedText& text = scratch.text;

  if (!call_ids.empty() && !message.call_id.empty()) {
    call_ids.match(text.clear().append(message.call_id), matches);
  }
  if (!imsis.empty()) match_imsi(imsis, username_of(message.authorization), text, matches);
  const bool looks_at_imsi = !imsis.empty();
  if (users.empty() && uris.empty() && numbers.empty() && !looks_at_imsi && imeis.empty()) return;

  scratch.users.clear();
  scratch.uris.clear();
  for (const sip::Message::Party& party : message.who()) {
    if (!imeis.empty() && party.identity == sip::Identity::kContact) match_imei(imeis, party.value, text, matches);
    sip::Uri uri;
    if (!sip::parse_uri(party.value, uri)) continue;
    if (looks_at_imsi && party.identity == sip::Identity::kAssertedIdentity) match_imsi(imsis, uri.user, text, matches);
    if (!scratch.uris.is_new(uri.text)) continue;  // and its user neither
    append_address(uri, text.clear());
    if (!uris.empty()) uris.match(text, matches);
    if (uri.user.empty() || !scratch.users.is_new(uri.user)) continue;
    text.shorten(uri.user.size());
    if (!users.empty()) users.match(text, matches);
    if (!numbers.empty() && read_number(uri.user, text)) numbers.match(text, matches);
  }
}

}  // namespace lc::filter
