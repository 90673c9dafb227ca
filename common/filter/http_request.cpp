#include <algorithm>
#include <array>

#include "common/filter/glob.h"
#include "common/filter/text_headers.h"

namespace lc::filter {
namespace {

constexpr std::array<std::string_view, 9> kMethods = {"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                                      "CONNECT", "OPTIONS", "TRACE", "PATCH"};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

std::string_view without_port(std::string_view authority) {
  authority.remove_prefix(authority.rfind('@') + 1);  // npos + 1 is 0
  if (authority.starts_with('[')) return authority.substr(0, authority.find(']') + 1);
  return authority.substr(0, authority.find(':'));
}

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

bool begins_ignoring_case(std::string_view text, std::string_view begin) {
  return text.size() >= begin.size() && equals_ignoring_case(text.substr(0, begin.size()), begin);
}

bool begins_http_request(std::string_view bytes) {
  const std::string_view word = bytes.substr(0, bytes.find(' '));
  if (word.size() == bytes.size() || std::find(kMethods.begin(), kMethods.end(), word) == kMethods.end()) return false;
  // OPTIONS is a method of SIP and RTSP too: the version at the line's end tells, where it is there.
  const std::size_t end = bytes.find('\n');
  return end == std::string_view::npos || bytes.substr(0, end).find(" HTTP/1.") != std::string_view::npos;
}

bool parse_http_request(std::string_view head, HttpRequest& request) {
  request = {};
  const std::size_t line_end = std::min(head.find('\n'), head.size());
  std::string_view line = trimmed(head.substr(0, line_end));
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || last == first || !line.substr(last + 1).starts_with("HTTP/1.")) return false;
  const bool is_connect = line.substr(0, first) == "CONNECT";
  request.target = trimmed(line.substr(first, last - first));

  const std::size_t scheme = request.target.find("://");
  if (is_connect) {
    request.host = without_port(request.target);
  } else if (scheme != std::string_view::npos && !request.target.starts_with('/')) {
    const std::string_view rest = request.target.substr(scheme + 3);
    request.host = without_port(rest.substr(0, rest.find_first_of("/?#")));
  }
  head.remove_prefix(std::min(line_end + 1, head.size()));
  while (request.host.empty() && !head.empty()) {
    const std::size_t end = std::min(head.find('\n'), head.size());
    line = head.substr(0, end);
    if (trimmed(line).empty()) break;
    if (begins_ignoring_case(line, "host:")) request.host = without_port(trimmed(line.substr(5)));
    head.remove_prefix(std::min(end + 1, head.size()));
  }
  return true;
}

}  // namespace lc::filter
