#include "common/sip/message.h"

#include <algorithm>

#include "common/sip/text.h"

namespace lc::sip {
namespace {

// What a URI or a parameter can't contain.
constexpr CharacterSet kTextEnd(" \t\r\n,>");
constexpr CharacterSet kHostEnd(" \t\r\n,>:;?/");
constexpr CharacterSet kUserEnd("@:");

// The place of the first < outside of quotes, or the value's size. Most values have none, or begin with it.
std::size_t bracket_of(std::string_view value) {
  if (value.starts_with('<')) return 0;
  if (value.find('<') == std::string_view::npos) return value.size();
  return QuotedText(value).find([](char c) { return c == '<'; });
}

// What stands between < and >, or else the value up to its parameters (RFC 3261 section 20.10).
std::string_view address_of(std::string_view value) {
  const std::size_t bracket = bracket_of(value);
  if (bracket < value.size()) {
    value.remove_prefix(bracket + 1);
    return trim(value.substr(0, value.find('>')));
  }
  // A request URI is never in brackets, and its user part may have semicolons: they are no parameters before an @.
  static constexpr CharacterSet kDecisive("@\" \t\r\n");
  const std::size_t at = find_where(value, kDecisive);
  const bool has_user = at < value.size() && value[at] == '@';
  return trim(value.substr(0, value.find(';', has_user ? at : 0)));
}

std::string_view scheme_of(std::string_view text) {
  std::size_t size = 0;
  while (size < text.size() && (is_letter(text[size]) || (size > 0 && is_token(text[size])))) ++size;
  return size < text.size() && text[size] == ':' ? text.substr(0, size) : std::string_view();
}

std::string_view host_of(std::string_view text) {
  if (text.starts_with('[')) return text.substr(0, text.find(']') + 1);  // npos + 1: none
  return text.substr(0, find_where(text, kHostEnd));
}

}  // namespace

bool parse_uri(std::string_view value, Uri& uri) {
  uri = {};
  const std::string_view text = address_of(trim(value));
  const std::string_view scheme = scheme_of(text);
  if (scheme.empty() || scheme.size() + 1 == text.size()) return false;
  uri.scheme = scheme;
  uri.text = text;
  const std::string_view rest = text.substr(scheme.size() + 1);
  if (is_word(scheme, "tel")) {
    uri.user = trim(rest.substr(0, find_where(rest, [](char c) { return c == ';' || c == '?'; })));
    return true;
  }
  const std::size_t user_end = find_where(rest, kUserEnd);
  const std::size_t at = user_end < rest.size() && rest[user_end] == ':' ? rest.find('@', user_end) : user_end;
  if (at < rest.size()) {
    uri.user = rest.substr(0, user_end);
    uri.host = host_of(rest.substr(at + 1));
  } else if (is_word(scheme, "sip") || is_word(scheme, "sips")) {
    uri.host = host_of(rest);
  }
  return true;
}

std::string_view parameter(std::string_view parameters, std::string_view lower_name) {
  QuotedText text(parameters);
  std::size_t end = 0;
  for (std::size_t begin = 0; begin < parameters.size(); begin = end + 1) {
    end = text.find([](char c) { return c == ';'; }, begin);
    std::string_view one = parameters.substr(begin, end - begin);
    if (!is_word(trim(take_until(one, '=')), lower_name)) continue;
    one = trim(one);
    if (one.starts_with('"')) return one.substr(1, closing_quote(one, 0) - 1);
    return one.substr(0, find_where(one, kTextEnd));
  }
  return {};
}

}  // namespace lc::sip
